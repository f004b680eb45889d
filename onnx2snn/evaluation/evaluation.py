"""Evaluates a spiking network against the plain one, by time steps; `comparison` defines the metrics."""

import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from onnx2snn.data.arrays import Samples
from onnx2snn.data.prefetch import ahead, staged
from onnx2snn.data.streams.base import InMemory, Stream, batch_places, for_the_network
from onnx2snn.evaluation.checkpoint import Checkpoint
from onnx2snn.evaluation.energy import EnergyTally
from onnx2snn.evaluation.heap import Heap
from onnx2snn.evaluation.measuring import Measurer, Plan, counts_operations, make_plan, plain_network, usual_batch_size
from onnx2snn.evaluation.parts import Accumulator, Part
from onnx2snn.evaluation.provenance import network_digest
from onnx2snn.reference.ann import Ann
from onnx2snn.reference.sandbox import try_network
from onnx2snn_runtime.batches.range_checks import warn_of_saturation
from onnx2snn_runtime.errors import InputError, NotFiniteWarning, Stage
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.probing.energy import HOROWITZ, EnergyProfile

Progress = Callable[[str, float], None]


class Workers(Protocol):
    """Measures batches somewhere else: the numbers of batches and their parts, in any order."""

    def __call__(
        self, snn: SpikingModel, plan: Plan, stream: Stream, batches: Mapping[int, range]
    ) -> Iterable[tuple[int, Part]]:
        """Yield (number, part) for each of `batches`, the places of its samples by its number."""


@dataclass(frozen=True)
class Streaming:
    """How samples are read and where batches are measured; none of it changes a figure.

    `readers` threads decode batches ahead. `resume` is a file that keeps what is done, and that an interrupted
    evaluation goes on from. `workers` measure the batches in place of this process.
    """

    readers: int = min(4, os.cpu_count() or 1)
    resume: Path | None = None
    workers: Workers | None = None


@Stage("the evaluation")
def evaluate(
    snn: SpikingModel,
    samples: Samples | Stream,
    timesteps: Sequence[int],
    *,
    output: str | None = None,
    class_axis: int | None = None,
    batch_size: int | None = None,
    executor: str = "layer",
    energy: EnergyProfile = HOROWITZ,
    by_layer: bool = False,
    progress: Progress | None = None,
    streaming: Streaming | None = None,
    **overrides: Any,
) -> dict[str, Any]:
    """Return the figures of `snn` on `samples` after each of `timesteps`, beside the plain network's.

    The plain network is the IR itself, run by onnxruntime. `output` is by default the first float output, `class_axis`
    the one that `evaluation.class_axis` finds, or none; figures that do not apply are None. `overrides` go to
    `SpikingModel.run`, early exit among them: a sample that left keeps its result at every later T, so the figures at T
    are those of a run of T steps at most. Operations are not counted in CUDA graphs, nor with early exit under dynamics
    whose receivers filter: energy is None then, else what `energy_figures` gives by the constants `energy`, with
    `by_layer` layer by layer too. `samples` of a stream are read batch by batch, and figures are sums over batches: the
    memory that it takes does not depend on their number. `streaming` says how they are read, see there.
    Data, an output or an axis that do not fit raise InputError.
    """
    how = streaming or Streaming()
    try_network(snn)
    stream = samples if isinstance(samples, Stream) else InMemory(samples, snn.program.axes)
    first = _first(stream, batch_size, snn)
    size = batch_size or usual_batch_size(first)
    counting = counts_operations(snn, overrides)
    ann = plain_network(snn)
    plan = make_plan(
        snn, ann, first, output, class_axis, timesteps, executor=executor, batch_size=batch_size, operations=counting,
        overrides=overrides,
    )  # fmt: skip
    places = batch_places(stream, size, snn.program.axes)
    checkpoint = Checkpoint(how.resume, _made_of(snn, plan, stream, size) if how.resume else {})
    sums = checkpoint.read()
    told = _Told(progress, len(stream), sums.samples)
    todo = {number: places[number] for number in sums.missing(len(places))}
    measured = how.workers(snn, plan, stream, todo) if how.workers else here(snn, plan, stream, todo, how.readers, ann)
    try:
        for number, part in measured:
            sums.add(number, part)
            told.at(sums.samples)
            checkpoint.keep(sums)
    finally:
        checkpoint.keep(sums, now=True)
    return _figures(snn, plan, sums, overrides.get("early_exit"), energy, by_layer)


def here(
    snn: SpikingModel,
    plan: Plan,
    stream: Stream,
    batches: Mapping[int, range],
    readers: int = 1,
    ann: Ann | None = None,
) -> Iterator[tuple[int, Part]]:
    """Measure `batches` in this process, one after the other; those of a stream are read ahead by threads.

    `ann` is the plain network, where there is one already.
    """
    measurer, axes, heap = Measurer(snn, plan, ann), snn.program.axes, Heap()
    threads = 0 if isinstance(stream, InMemory) else readers
    read: list[Samples] = []

    def inputs() -> Iterator[dict[str, Any]]:
        for found in ahead(batches.values(), stream.read, threads):
            read.append(found)
            yield for_the_network(found, axes)

    for number, (_, given) in zip(batches, staged(inputs(), snn.program.device), strict=True):
        yield number, measurer.measure(read.pop(0), given)
        heap.between_batches()


def _first(stream: Stream, batch_size: int | None, snn: SpikingModel) -> Samples:
    """Return the samples of the first batch, by which the output is understood."""
    if not len(stream):
        raise InputError("there are no samples to evaluate on: give one or more")
    size = batch_size or usual_batch_size(stream.read(range(1)))
    return stream.read(batch_places(stream, size, snn.program.axes)[0])


def _made_of(snn: SpikingModel, plan: Plan, stream: Stream, size: int) -> dict[str, Any]:
    """Return what the sums depend on."""
    said = {name: value for name, value in asdict(plan).items() if name != "batch_size"}
    return {"network": network_digest(snn), "data": stream.where, "samples": len(stream), "batch size": size, **said}


class _Told:
    """Tells how far an evaluation is, and how many samples a second it takes."""

    def __init__(self, progress: Progress | None, total: int, before: int) -> None:
        self.progress, self.total, self.before, self.begun = progress, total, before, time.monotonic()

    def at(self, samples: int) -> None:
        """Tell that so many samples are done."""
        if self.progress is None:
            return
        rate = (samples - self.before) / max(1e-9, time.monotonic() - self.begun)
        self.progress(f"evaluate {samples:,} of {self.total:,}, {rate:,.3g} samples/s", samples / self.total)


def _figures(
    snn: SpikingModel, plan: Plan, sums: Accumulator, early_exit: str | None, energy: EnergyProfile, by_layer: bool
) -> dict[str, Any]:
    """Return the figures of all batches, and what they were measured on; warn, once, of what runs warned of."""
    total = sums.total
    if total is None:
        raise InputError("there are no samples to evaluate on: give one or more")
    warn_of_saturation(
        {name: share / total.samples for name, share in sorted(total.saturated.items())}, len(snn.program.populations)
    )
    if total.warned:
        warnings.warn(total.warned, NotFiniteWarning, stacklevel=3)
    found = total.comparison.figures(total.samples)
    tally = None if total.plain is None else EnergyTally(total.runs, total.plain)
    return {
        "model": snn.proto.graph.name,
        "samples": total.samples,
        **found,
        "output": plan.output,
        "class_axis": plan.axis,
        "populations": len(snn.program.populations),
        "early_exit": early_exit,
        "mean_timesteps": found["timesteps"][str(max(total.comparison.tallies))]["mean_timesteps"],
        "nan_samples": total.nan,
        "energy": None if tally is None else tally.figures(snn, energy, by_layer),
    }
