"""The jobs of a study over a cluster, as plain Ray tasks: one conversion and its evaluations are a task."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from onnx2snn.cluster.connecting import Cluster
from onnx2snn.study.jobs import Job
from onnx2snn_runtime.errors import sentence

Row = dict[str, Any]
ATTEMPTS = 3
"""How often a job is tried whose worker dies."""


def task_runner(cluster: Cluster) -> Callable[[Sequence[Job]], Iterator[tuple[Job, list[Row]]]]:
    """Return what runs jobs on `cluster`, and yields each when it is done."""

    def run(waiting: Sequence[Job]) -> Iterator[tuple[Job, list[Row]]]:
        if not waiting:
            return
        with cluster.connected() as ray:
            task = ray.remote(max_retries=ATTEMPTS, **cluster.demands)(_rows)
            room, queue = cluster.room(ray), list(waiting)
            running = {task.remote(on_worker(cluster, job), cluster.threads): job for job in queue[:room]}
            queue = queue[room:]
            while running:
                (ready,), _ = ray.wait(list(running), num_returns=1)
                job = running.pop(ready)
                if queue:
                    following = queue.pop(0)
                    running[task.remote(on_worker(cluster, following), cluster.threads)] = following
                yield job, _result(ray, ready, job)

    return run


def on_worker(cluster: Cluster, job: Job) -> Job:
    """Return `job` on the device of a worker: its GPU, where it has one."""
    return replace(job, device=cluster.device) if cluster.gpus else job


def _rows(job: Job, threads: int) -> list[Row]:
    """Run a job, in a worker."""
    import torch

    from onnx2snn.study.running import run_job

    torch.set_num_threads(threads)
    return run_job(job, readers=0)


def _result(ray: Any, ready: Any, job: Job) -> list[Row]:
    """Return the rows of a job; of one whose worker died again and again, rows that say so."""
    try:
        found: list[Row] = ray.get(ready)
        return found
    except ray.exceptions.RayError as error:
        from onnx2snn.study.running import failed_rows

        return failed_rows(job, sentence(f"the worker of {job.name!r}", error))
