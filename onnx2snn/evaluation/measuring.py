"""Measures one batch: the spiking network beside the plain one on the same samples."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from onnx import TensorProto

from onnx2snn.data.arrays import Samples
from onnx2snn.data.streams.base import for_the_network
from onnx2snn.evaluation.class_axis import answer_axes, samples_first
from onnx2snn.evaluation.comparison import Comparison, Tally, default_class_axis
from onnx2snn.evaluation.parts import Part
from onnx2snn.reference.aligned import aligned
from onnx2snn.reference.ann import Ann
from onnx2snn_runtime.batches.run import Run
from onnx2snn_runtime.errors import InputError, NotFiniteWarning, SaturationWarning
from onnx2snn_runtime.ir.batch import BatchAxes
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.program.inputs import check_input, named_inputs, varies_in_time
from onnx2snn_runtime.program.ports import Port
from onnx2snn_runtime.settings import OVERRIDES, make_settings

_FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16}
_ELEMENTS = 2**22


@dataclass(frozen=True)
class Plan:
    """What is measured, the same for every batch: the output, the axes of its classes or vectors, and how it is run."""

    output: str
    axis: int | None
    vectors: int | None
    timesteps: tuple[int, ...]
    executor: str = "layer"
    batch_size: int | None = None
    operations: bool = True
    overrides: dict[str, Any] = field(default_factory=dict)


class Measurer:
    """Runs both networks on batches, as a `Plan` says; a worker has one of its own.

    `ann` is the plain network, where there is one already.
    """

    def __init__(self, snn: SpikingModel, plan: Plan, ann: Ann | None = None) -> None:
        self.snn, self.plan = snn, plan
        self.port = next(port for port in snn.program.outputs if port.name == plan.output)
        self.ann = (ann or plain_network(snn)).giving([plan.output])

    def measure(self, samples: Samples, given: Mapping[str, Any] | None = None) -> Part:
        """Return the sums over one batch; `given` are its inputs where they lie on the device already."""
        plan, axes, name = self.plan, self.snn.program.axes, self.plan.output
        batch = for_the_network(samples, axes)
        reference = samples_first(self.ann(batch)[name], name, axes)
        check_labels(samples.labels, reference.shape, plan.axis if self.port.type in _FLOATS else None)
        run, warned = self._run(given or batch)
        made = [samples_first(_of(out, name), name, axes) for out in run.outputs.values()]
        reference, *values = aligned(reference, *made)  # of the same shape, but for what depends on the data
        self.show(samples, reference, dict(zip(run.outputs, values, strict=True)))
        floating = self.port.type in _FLOATS
        comparison = Comparison(plan.axis, floating, {t: Tally() for t in run.outputs}, vectors=plan.vectors)
        comparison.add(reference, dict(zip(run.outputs, values, strict=True)), samples.labels)
        comparison.add_events(run)
        plain = self.snn.plain_operations(given or batch, plan.batch_size) if plan.operations else None
        saturated = {population: share * samples.count for population, share in run.saturated.items()}
        return Part(samples.count, comparison, plain, dict(run.operations), _nan(samples.inputs), saturated, warned)

    def show(self, samples: Samples, reference: np.ndarray, outputs: Mapping[int, np.ndarray]) -> None:
        """Called with the output of both networks, samples in front, that of the spiking one by time steps."""

    def _run(self, inputs: Mapping[str, Any]) -> tuple[Run, str]:
        """Return the run, and what it warned of its outputs; of saturation the whole evaluation warns, once."""
        plan = self.plan
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", NotFiniteWarning)
            warnings.simplefilter("always", SaturationWarning)
            run = self.snn.run(
                inputs, plan.timesteps, executor=plan.executor, batch_size=plan.batch_size,
                operations=plan.operations, **plan.overrides,
            )  # fmt: skip
        mine = [w for w in caught if issubclass(w.category, NotFiniteWarning | SaturationWarning)]
        for other in (w for w in caught if w not in mine):
            warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
        return run, next((str(w.message) for w in mine if issubclass(w.category, NotFiniteWarning)), "")


def plain_network(snn: SpikingModel) -> Ann:
    """Return the network as the plain one it is, run by onnxruntime on its device."""
    return Ann(snn.proto, device=str(snn.program.device))


def make_plan(
    snn: SpikingModel,
    ann: Ann,
    first: Samples,
    output: str | None,
    class_axis: int | None,
    timesteps: Sequence[int],
    **how: Any,
) -> Plan:
    """Return the plan for `snn`, plain `ann`; the `first` batch tells where the classes of its output are."""
    check_still(snn, first)
    port, axes = _chosen(snn, output), snn.program.axes
    reference = samples_first(ann.giving([port.name])(for_the_network(first, axes))[port.name], port.name, axes)
    axis: int | None
    vectors: int | None = None
    if class_axis is not None:
        axis = _asked(_moved(class_axis, port.name, axes), reference)
    elif port.type in _FLOATS:
        axis, vectors = answer_axes(snn.proto, port.name, axes, reference, first.labels)
    else:
        axis = default_class_axis(reference.shape, first.labels)
    return Plan(port.name, axis, vectors, tuple(timesteps), **how)


def counts_operations(snn: SpikingModel, options: Mapping[str, Any]) -> bool:
    """Return whether operations can be counted in a run with these `options`."""
    if options.get("cuda_graphs") and snn.program.device.type == "cuda":
        return False
    if not options.get("early_exit"):
        return True
    chosen = {name: value for name, value in options.items() if name in OVERRIDES}
    return make_settings(snn.defaults, chosen).dynamics.payload == "change"


def usual_batch_size(first: Samples) -> int:
    """Return the samples of a batch by the size of one: four million numbers, 256 samples at most."""
    each = sum(math.prod(value.shape[1:]) for value in first.inputs.values() if value.ndim)
    return max(1, min(256, _ELEMENTS // max(1, each)))


def check_still(snn: SpikingModel, samples: Samples) -> None:
    """Raise InputError for inputs that do not fit, or that vary in time, which the plain network cannot take."""
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


def check_labels(labels: np.ndarray | None, shape: tuple[int, ...], axis: int | None) -> None:
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


def _nan(inputs: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Return how many samples of each input hold a NaN; inputs without any are left out."""
    floats = {name: np.asarray(v) for name, v in inputs.items() if np.asarray(v).dtype.kind == "f" and np.ndim(v)}
    counts = {name: int(np.isnan(value.reshape(len(value), -1)).any(1).sum()) for name, value in floats.items()}
    return {name: count for name, count in counts.items() if count}


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
