"""The options of commands that can spread their work over a Ray cluster."""

from collections.abc import Callable
from typing import Any

import click

from onnx2snn.cli.sections import option, section

LOCAL = "local"
choices = section(
    "Cluster",
    option(
        "--ray",
        metavar="[ADDRESS]",
        is_flag=False,
        flag_value=LOCAL,
        help="Spread the work with Ray: over this machine, or a cluster (auto, HOST:PORT, ray://HOST:10001).",
    ),
    option("--workers", type=click.IntRange(1), help="Workers at a time; by default all that there is room for."),
    option(
        "--cpus-per-worker",
        type=click.FloatRange(0, min_open=True),
        default=1.0,
        show_default=True,
        help="CPUs of a worker, which are its threads.",
    ),
    option(
        "--gpus-per-worker",
        type=click.FloatRange(0),
        default=0.0,
        show_default=True,
        help="GPUs of a worker, such as 0.5 for two workers a GPU.",
    ),
)


def cluster_of(given: dict[str, Any]) -> Any:
    """Return the cluster that the options `given` ask for; None without --ray, or where the command has none."""
    if given.get("ray") is None:
        return None
    from onnx2snn.cluster.connecting import Cluster, need_ray

    need_ray()
    address = None if given["ray"] == LOCAL else given["ray"]
    return Cluster(address, given["workers"], given["cpus_per_worker"], given["gpus_per_worker"])


def runner_of(given: dict[str, Any], here: Callable[..., Any]) -> Callable[..., Any]:
    """Return what runs the jobs of a study: `here`, or tasks on the cluster that `given` asks for."""
    cluster = cluster_of(given)
    if cluster is None:
        return here
    from onnx2snn.cluster.tasks import task_runner

    return task_runner(cluster)


def trials_of(given: dict[str, Any]) -> dict[str, Any]:
    """Remove the options of a cluster from `given`, and return where `tune` tries settings, as its keyword."""
    cluster = cluster_of(given)
    for name in ("ray", "workers", "cpus_per_worker", "gpus_per_worker"):
        del given[name]
    if cluster is None:
        return {}
    from onnx2snn.cluster.searching import trials_on

    return {"trials": trials_on(cluster)}
