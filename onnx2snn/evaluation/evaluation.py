"""Evaluates a spiking network against the plain one, by time steps; `comparison` defines the metrics."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from onnx import TensorProto

from onnx2snn.data.prefetch import staged
from onnx2snn.data.readers import Samples
from onnx2snn.evaluation.class_axis import answer_axes, samples_first
from onnx2snn.evaluation.comparison import Comparison, Tally, default_class_axis
from onnx2snn.evaluation.energy import EnergyTally
from onnx2snn.reference.aligned import aligned
from onnx2snn.reference.ann import Ann, split
from onnx2snn.reference.sandbox import try_network
from onnx2snn_runtime.batches.run import Run
from onnx2snn_runtime.errors import InputError, Stage
from onnx2snn_runtime.ir.batch import BatchAxes
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.probing.energy import HOROWITZ, EnergyProfile
from onnx2snn_runtime.program.inputs import check_input, named_inputs, varies_in_time
from onnx2snn_runtime.program.ports import Port
from onnx2snn_runtime.settings import OVERRIDES, make_settings

Progress = Callable[[str, float], None]

_FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16}
_ELEMENTS = 2**22


@Stage("the evaluation")
def evaluate(
    snn: SpikingModel,
    samples: Samples,
    timesteps: Sequence[int],
    *,
    output: str | None = None,
    class_axis: int | None = None,
    batch_size: int | None = None,
    executor: str = "layer",
    energy: EnergyProfile = HOROWITZ,
    by_layer: bool = False,
    progress: Progress | None = None,
    **overrides: Any,
) -> dict[str, Any]:
    """Return the figures of `snn` on `samples` after each of `timesteps`, beside the plain network's.

    The plain network is the IR itself, run by onnxruntime. `output` is by default the first float output, `class_axis`
    the one that `evaluation.class_axis` finds, or none; figures that do not apply are None. `overrides` go to
    `SpikingModel.run`, early exit among them: a sample that left keeps its result at every later T, so the figures at T
    are those of a run of T steps at most. Operations are not counted in CUDA graphs, nor with early exit under dynamics
    whose receivers filter: energy is None then, else what `energy_figures` gives by the constants `energy`, with
    `by_layer` layer by layer too.
    Data, an output or an axis that do not fit raise InputError.
    """
    _check(snn, samples)
    try_network(snn)
    port = _chosen(snn, output)
    size = batch_size or _batch_size(samples)
    ann = Ann(snn.proto, [port.name], device=str(snn.program.device))
    comparison: Comparison | None = None
    axes = snn.program.axes
    done, counting, tally = 0, _counts_operations(snn, overrides), EnergyTally()
    for batch, given in staged(split(samples.inputs, size, axes), snn.program.device):
        reference = samples_first(ann(batch)[port.name], port.name, axes)
        run = snn.run(given, timesteps, executor=executor, batch_size=batch_size, operations=counting, **overrides)
        comparison = comparison or _comparison(snn, port, class_axis, reference, samples.labels, run)
        count = axes.count({name: value.shape for name, value in batch.items()})
        labels = None if samples.labels is None else samples.labels[done : done + count]
        made = [samples_first(_of(out, port.name), port.name, axes) for out in run.outputs.values()]
        reference, *values = aligned(reference, *made)  # of the same shape, but for what depends on the data
        comparison.add(reference, dict(zip(run.outputs, values, strict=True)), labels)
        comparison.add_events(run)
        if counting:
            tally.add(run, snn.plain_operations(given, batch_size))
        done += count
        if progress:
            progress("evaluate", done / samples.count)
    found = _figures(snn, port, comparison, done, overrides.get("early_exit"))
    return found | {"energy": tally.figures(snn, energy, by_layer) if counting else None}


def _comparison(
    snn: SpikingModel, port: Port, asked: int | None, reference: np.ndarray, labels: np.ndarray | None, run: Run
) -> Comparison:
    """Return an empty comparison for what the first batch gave, with the class axis that was `asked` for."""
    axes, floating = snn.program.axes, port.type in _FLOATS
    axis: int | None
    vectors: int | None = None
    if asked is not None:
        axis = _asked(_moved(asked, port.name, axes), reference)
    elif floating:
        axis, vectors = answer_axes(snn.proto, port.name, axes, reference, labels)
    else:
        axis = default_class_axis(reference.shape, labels)
    _check_labels(labels, reference.shape, axis if floating else None)
    return Comparison(axis, floating, {t: Tally() for t in run.outputs}, vectors=vectors)


def _figures(
    snn: SpikingModel, port: Port, comparison: Comparison | None, samples: int, early_exit: str | None
) -> dict[str, Any]:
    """Return the figures of `comparison`, and what they were measured on; without samples raise InputError."""
    if comparison is None:
        raise InputError("there are no samples to evaluate on: give one or more")
    found = comparison.figures(samples)
    return {
        "model": snn.proto.graph.name,
        "samples": samples,
        **found,
        "output": port.name,
        "class_axis": comparison.axis,
        "populations": len(snn.program.populations),
        "early_exit": early_exit,
        "mean_timesteps": found["timesteps"][str(max(comparison.tallies))]["mean_timesteps"],
    }


def _counts_operations(snn: SpikingModel, options: Mapping[str, Any]) -> bool:
    if options.get("cuda_graphs") and snn.program.device.type == "cuda":
        return False
    if not options.get("early_exit"):
        return True
    chosen = {name: value for name, value in options.items() if name in OVERRIDES}
    return make_settings(snn.defaults, chosen).dynamics.payload == "change"


def _check(snn: SpikingModel, samples: Samples) -> None:
    named = named_inputs(samples.inputs, snn.program.inputs)
    for port in snn.program.inputs:
        if varies_in_time(check_input(named[port.name], port), port):
            raise InputError(
                f"the input {port.name!r} varies in time, and the plain network takes one input a sample: "
                "evaluate on still inputs"
            )


def _chosen(snn: SpikingModel, name: str | None) -> Port:
    """Return the output called `name`, or the first float output, or the first."""
    ports = snn.program.outputs
    if name is None:
        return next((port for port in ports if port.type in _FLOATS), ports[0])
    for port in ports:
        if port.name == name:
            return port
    raise InputError(f"the model has no output {name!r}: its outputs are {', '.join(port.name for port in ports)}")


def _asked(axis: int | None, reference: np.ndarray) -> int:
    if axis is None or not -reference.ndim < axis < reference.ndim or axis == 0:
        raise InputError(f"the output has {reference.ndim} axes, the first for samples: there is no class axis {axis}")
    return axis % reference.ndim


def _check_labels(labels: np.ndarray | None, shape: tuple[int, ...], axis: int | None) -> None:
    """Raise InputError for labels that are not one class for every answer; negative ones are unknown."""
    if labels is None or axis is None:
        return
    wanted = (*shape[1:axis], *shape[axis + 1 :])
    if labels.shape[1:] != wanted:
        made = " x ".join(["samples", *map(str, wanted)])
        raise InputError(f"the labels have the shape {labels.shape}: give one class for every answer, {made}")
    if labels.size and labels.max() >= shape[axis]:
        raise InputError(
            f"the labels go up to {labels.max()}, and the model tells {shape[axis]} classes apart: "
            f"number them from 0 to {shape[axis] - 1}"
        )


def _batch_size(samples: Samples) -> int:
    elements = sum(math.prod(value.shape[1:]) for value in samples.inputs.values() if value.ndim)
    return max(1, min(256, _ELEMENTS // max(1, elements)))


def _of(outputs: Any, name: str) -> Any:
    value = outputs[name] if isinstance(outputs, dict) else outputs
    if isinstance(value, list):
        return [_of(entry, name) for entry in value]
    return np.asarray(value.cpu() if isinstance(value, torch.Tensor) else value)


def _moved(class_axis: int | None, name: str, axes: BatchAxes) -> int | None:
    """Return the class axis of an output whose samples were moved to the front."""
    axis = axes.outputs.get(name)
    if class_axis is None or not isinstance(axis, int) or class_axis < 0:
        return class_axis
    return class_axis + 1 if class_axis < axis else class_axis
