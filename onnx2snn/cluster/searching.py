"""The trials of `tune` over a cluster: an actor has the network and the samples, and tries settings one by one.

What is found is what one process finds: settings are judged in the order of the search. Those that were tried ahead of
a better one are left out.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import cycle
from typing import Any

from onnx2snn.cluster.connecting import Cluster
from onnx2snn.data.arrays import Samples
from onnx2snn.fitting.candidates import Setting
from onnx2snn.fitting.looking import Looks
from onnx2snn.fitting.trials import Point, Tuner
from onnx2snn_runtime.errors import ModelError, Onnx2SnnError
from onnx2snn_runtime.model import SpikingModel

ATTEMPTS = 3
"""How often a trial is run whose worker dies of it."""


class Trier:
    """An actor that tries settings on a network of its own."""

    def __init__(self, snn: SpikingModel, samples: Samples, steps: list[int], device: str, threads: int) -> None:
        import torch

        from onnx2snn_runtime.loading import place

        torch.set_num_threads(threads)
        self.tuner = Tuner(place(snn, device, snn.program.dtype), samples, steps)

    def look(self, setting: Setting, begin: int, end: int) -> list[Point] | str:
        """Return the points of `setting` on the samples from `begin` to `end`, or the error as text."""
        try:
            return self.tuner.look(setting, slice(begin, end))
        except Onnx2SnnError as error:
            return str(error)


def trials_on(cluster: Cluster) -> Callable[[Tuner], AbstractContextManager[Looks]]:
    """Return what tries settings on `cluster`."""

    @contextmanager
    def trials(tuner: Tuner) -> Iterator[Looks]:
        with cluster.connected() as ray:
            actor = ray.remote(max_restarts=-1, max_task_retries=ATTEMPTS, **cluster.demands)(Trier)
            tuner.put(Setting())  # whatever was tried before: an actor begins with the network as it was
            snn, samples = ray.put(tuner.snn), ray.put(tuner.samples)
            actors = [
                actor.remote(snn, samples, tuner.steps, cluster.device, cluster.threads)
                for _ in range(cluster.room(ray))
            ]
            try:
                yield _looks(ray, actors)
            finally:
                for each in actors:
                    ray.kill(each)

    return trials


def _looks(ray: Any, actors: list[Any]) -> Looks:
    turns = cycle(actors)

    def looks(settings: Iterable[Setting], samples: slice) -> Iterator[tuple[Setting, list[Point]]]:
        waiting: deque[tuple[Setting, Any]] = deque()
        for setting in settings:
            waiting.append((setting, next(turns).look.remote(setting, samples.start, samples.stop)))
            if len(waiting) == len(actors):
                yield _found(ray, *waiting.popleft())
        while waiting:
            yield _found(ray, *waiting.popleft())

    return looks


def _found(ray: Any, setting: Setting, pending: Any) -> tuple[Setting, list[Point]]:
    found = ray.get(pending)
    if isinstance(found, str):
        raise ModelError(found)
    return setting, found
