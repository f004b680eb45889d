"""Connects to a Ray cluster, or starts one on this machine, for the time of a command."""

import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx2snn
import onnx2snn_runtime
from onnx2snn_runtime.errors import InputError

STORE = 256 * 2**20
"""Bytes of the object store of a cluster on this machine: batches are read by the workers, and few bytes are moved."""


@dataclass(frozen=True)
class Cluster:
    """Which cluster, and what a worker takes of it; without an address one is started on this machine.

    `workers` are those at a time, by default as many as there is room for. `gpus` may be a share of one.
    """

    address: str | None = None
    workers: int | None = None
    cpus: float = 1.0
    gpus: float = 0.0

    @property
    def threads(self) -> int:
        """The threads of a worker."""
        return max(1, math.floor(self.cpus))

    @property
    def device(self) -> str:
        """The device that a worker computes on; Ray shows it its own GPU alone."""
        return "cuda" if self.gpus else "cpu"

    @property
    def demands(self) -> dict[str, float]:
        """What Ray is asked for a worker."""
        return {"num_cpus": self.cpus, "num_gpus": self.gpus}

    def room(self, ray: Any) -> int:
        """Return how many workers the cluster has room for; none raise InputError."""
        found = ray.cluster_resources()
        room = min(
            int(found.get(name, 0.0) / wanted) for name, wanted in (("CPU", self.cpus), ("GPU", self.gpus)) if wanted
        )
        if not room:
            raise InputError(
                f"a worker takes {self.cpus:g} CPUs and {self.gpus:g} GPUs, there are {found.get('CPU', 0):g} and "
                f"{found.get('GPU', 0):g}: ask for less with --cpus-per-worker and --gpus-per-worker"
            )
        return min(self.workers or room, room)

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """Give the module `ray`, connected; what was started here is ended. An absent cluster raises InputError."""
        ray = need_ray()
        ours = not ray.is_initialized()
        if ours:
            self._connect(ray)
        try:
            yield ray
        finally:
            if ours:
                ray.shutdown()

    def _connect(self, ray: Any) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        options["runtime_env"] = {"env_vars": _environment()}
        if self.address is not None:
            options["address"] = self.address
        else:
            options |= {"address": "local", "num_cpus": self._cpus(), "include_dashboard": False}
            options["object_store_memory"] = STORE
        try:
            ray.init(**options)
        except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
            where = self.address or "this machine"
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise InputError(f"there is no Ray cluster at {where!r} ({first}): start one with 'ray start'") from error

    def _cpus(self) -> int:
        """Return the CPUs of a cluster on this machine: enough for the workers that were asked for."""
        return max(os.cpu_count() or 1, math.ceil((self.workers or 1) * self.cpus))


def need_ray() -> Any:
    """Return the module `ray`; where it is not installed raise InputError."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_TQDM", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its C++ writes to the terminal
    try:
        import ray
    except ImportError as error:
        raise InputError("--ray needs the package ray, which is absent: pip install 'onnx2snn[ray]'") from error
    return ray


def _environment() -> dict[str, str]:
    """Return what workers find this code by, where it is not installed on them."""
    roots = dict.fromkeys(str(Path(str(module.__file__)).parents[1]) for module in (onnx2snn, onnx2snn_runtime))
    given = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": os.pathsep.join([*roots, *([given] if given else [])])}
