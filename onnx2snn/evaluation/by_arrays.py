"""`onnx2snn.evaluate`: figures of a spiking network on arrays, without a file of samples."""

from collections.abc import Sequence
from typing import Any

from onnx2snn.data.arrays import LABELS, Samples, make_samples
from onnx2snn.data.samples import on_the_host
from onnx2snn.evaluation import evaluation
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.program.inputs import named_inputs


def evaluate(
    snn: SpikingModel, x: Any, labels: Any = None, timesteps: Sequence[int] = (1, 2, 4, 8), **options: Any
) -> dict[str, Any]:
    """Return the figures of `snn` on `x` after each of `timesteps`, beside the plain network's.

    `x` maps input names to arrays or tensors [samples, ...], or is one array for a model of one input; `labels` are
    class numbers [samples], where accuracy is wanted. `options` are those of `evaluation.evaluation.evaluate`. In
    "timesteps" are agreement, error, accuracy and events by T, in "ann" what the plain network does, in "energy" what
    both cost; `onnx2snn.plot` draws them. Data that do not fit raise InputError.
    """
    return evaluation.evaluate(snn, samples_of(snn, x, labels), timesteps, **options)


def samples_of(snn: SpikingModel, x: Any, labels: Any = None) -> Samples:
    """Return `x` and `labels`, as `evaluate` takes them, as samples for the inputs of `snn`."""
    names = [port.name for port in snn.program.inputs]
    arrays = {name: on_the_host(value) for name, value in named_inputs(x, snn.program.inputs).items()}
    beside = {} if labels is None else {LABELS: on_the_host(labels)}
    return make_samples({**arrays, **beside}, names, "the samples", axes=snn.program.axes)
