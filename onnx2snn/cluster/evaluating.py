"""Batches of an evaluation over a cluster by Ray Data: an actor has a network, reads batches and measures them.

Ray Data schedules the batches, starts an actor anew that died, and gives its batch to another. What comes back are the
sums of a batch, merged in the order of the batches, so that the figures are those of one process, to the bit.
"""

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from onnx2snn.cluster.connecting import Cluster
from onnx2snn.data.streams.base import Stream
from onnx2snn.evaluation.heap import Heap
from onnx2snn.evaluation.measuring import Measurer, Plan
from onnx2snn.evaluation.parts import Part
from onnx2snn_runtime.errors import InputError, ModelError, Onnx2SnnError
from onnx2snn_runtime.model import SpikingModel

ATTEMPTS = 4
"""How often a batch is tried whose worker dies of it."""


class BatchMeasurer:
    """An actor: the network on its device, the plan and the stream, which every machine reads from the same paths."""

    def __init__(self, network: Any, plan: Plan, stream: Any, device: str, threads: int) -> None:
        import ray
        import torch

        from onnx2snn_runtime.loading import place

        torch.set_num_threads(threads)
        snn, self.stream = ray.get([network, stream])
        self.measurer, self.heap = Measurer(place(snn, device, snn.program.dtype), plan), Heap()

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Return number, sums and error of each batch in `batch`, its numbers and places; errors are no exceptions.

        What the user can put right would be tried again and again otherwise.
        """
        found: dict[str, list[Any]] = {"number": [], "sums": [], "error": []}
        for number, start, stop in zip(batch["number"], batch["start"], batch["stop"], strict=True):
            sums, error = "", ""
            try:
                part = self.measurer.measure(self.stream.read(range(int(start), int(stop))))
                sums = json.dumps(part.as_dict())
            except Onnx2SnnError as failed:
                error = f"{type(failed).__name__}:{failed}"
            for name, value in (("number", int(number)), ("sums", sums), ("error", error)):
                found[name].append(value)
            self.heap.between_batches()
        return found


class RayWorkers:
    """Measures the batches of `evaluate` on a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def __call__(
        self, snn: SpikingModel, plan: Plan, stream: Stream, batches: Mapping[int, range]
    ) -> Iterator[tuple[int, Part]]:
        """Yield the number and the sums of each of `batches`, as they are done."""
        if not batches:
            return
        with self.cluster.connected() as ray:
            for row in self._dataset(ray, snn, plan, stream, batches).iter_rows():
                if row["error"]:
                    kind, _, text = row["error"].partition(":")
                    raise (InputError if kind == "InputError" else ModelError)(text)
                yield int(row["number"]), Part.from_dict(json.loads(row["sums"]))

    def _dataset(self, ray: Any, snn: SpikingModel, plan: Plan, stream: Stream, batches: Mapping[int, range]) -> Any:
        """Return the data set of sums: a row, and a block, for each batch."""
        from ray import data

        logging.getLogger("ray.data").setLevel(logging.ERROR)  # it tells of its plans; the progress is ours
        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        context.max_errored_blocks = 0
        workers = min(self.cluster.room(ray), len(batches))
        places = [{"number": n, "start": p.start, "stop": p.stop} for n, p in batches.items()]
        arguments = (ray.put(snn), plan, ray.put(stream), self.cluster.device, self.cluster.threads)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the bound on retries: see pyproject.toml
            return data.from_items(places, override_num_blocks=len(places)).map_batches(
                BatchMeasurer,
                fn_constructor_args=arguments,
                batch_size=1,
                compute=data.ActorPoolStrategy(size=workers),
                max_restarts=-1,
                max_task_retries=ATTEMPTS,
                **self.cluster.demands,
            )
