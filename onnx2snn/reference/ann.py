"""Runs a network, or the IR file it became, as the plain network it is, with onnxruntime."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper

from onnx2snn.reference import engine
from onnx2snn.reference.sessions import open_session
from onnx2snn_runtime.errors import InputError, ModelError
from onnx2snn_runtime.ir.batch import Arrays, BatchAxes, axes_of

NUMPY = Arrays(np.concatenate, np.stack, lambda a, b: np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))
_FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16}


class Ann:
    """An onnxruntime session over `proto` that returns `outputs` (any values of the graph; by default its outputs).

    `axes` says where the samples are: by default as the IR file `proto` records it, else in front. `fixed` is the batch
    size that the graph insists on, by default that of the axes: smaller batches are filled up and the results cut.
    `device` is "cpu" or "cuda[:n]"; without a usable CUDA provider the CPU computes. The number of threads is the
    environment's OMP_NUM_THREADS, if set. A model that onnxruntime refuses, or dies of, raises ModelError.
    """

    def __init__(
        self,
        proto: onnx.ModelProto,
        outputs: Sequence[str] | None = None,
        *,
        device: str = "cpu",
        fixed: int = 0,
        axes: BatchAxes | None = None,
    ) -> None:
        try:
            self._session = open_session(proto, device)
        except engine.errors() as error:
            raise ModelError(f"onnxruntime cannot load the model: {_first_line(error)}") from error
        self._inputs = {port.name: port for port in _real_inputs(proto)}
        self.outputs = list(outputs) if outputs is not None else [value.name for value in proto.graph.output]
        axes = axes_of(proto) if axes is None else axes
        self.axes = replace(axes, size=fixed) if fixed else axes

    def giving(self, outputs: Sequence[str]) -> "Ann":
        """Return one that returns `outputs`, of those that the graph has, with the same session."""
        other = copy.copy(self)
        other.outputs = list(outputs)
        return other

    @property
    def providers(self) -> list[str]:
        """The onnxruntime providers that compute, in order of preference."""
        return list(self._session.get_providers())

    def __call__(self, inputs: Mapping[str, np.ndarray], size: int | None = None) -> dict[str, Any]:
        """Return the outputs by name, in batches of at most `size` samples (by default in one).

        Inputs that do not fit raise InputError or ModelError.
        """
        missing = [name for name in self._inputs if name not in inputs]
        if missing:
            raise InputError(f"the model needs the input {missing[0]!r}: its inputs are {', '.join(self._inputs)}")
        feed = {name: _cast(inputs[name], port) for name, port in self._inputs.items()}
        shapes = {name: value.shape for name, value in feed.items()}
        parts, counts = [], []
        for part, count in self.axes.split(feed, self.axes.count(shapes) if size is None else size):
            parts.append(self._batch(part, count))
            counts.append(count)
        stacked = self.axes.stacked(shapes)
        return {
            name: self.axes.join(name, [part[name] for part in parts], counts, NUMPY, stacked=stacked)
            for name in self.outputs
        }

    def batches(self, inputs: Mapping[str, np.ndarray], size: int) -> Iterator[dict[str, np.ndarray]]:
        """Yield the outputs of `inputs` in batches of at most `size` samples (of `fixed`, where that is set)."""
        for batch in split(inputs, size, self.axes):
            yield self(batch)

    def _batch(self, feed: Mapping[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
        """Return the outputs of one batch, what fills it up included."""
        full = self.axes.filled(feed, count, NUMPY)
        try:
            values = self._session.run(self.outputs, {n: np.ascontiguousarray(v) for n, v in full.items()})
        except engine.errors() as error:
            raise ModelError(f"onnxruntime cannot run the model on these inputs: {_first_line(error)}") from error
        return dict(zip(self.outputs, values, strict=True))


class Reference(NamedTuple):
    """The plain network, and what it answers to the samples at hand."""

    ann: Ann
    expected: dict[str, Any]


def run_ann(
    proto: onnx.ModelProto,
    inputs: Mapping[str, np.ndarray],
    batch: int,
    outputs: Sequence[str] | None = None,
    *,
    device: str = "cpu",
    fixed: int = 0,
    axes: BatchAxes | None = None,
) -> dict[str, Any]:
    """Return the values named in `outputs` (by default the graph's outputs) for all of `inputs`, by name.

    `batch` samples run at a time, where the network does not insist on another number. See `Ann` for the rest.
    """
    return Ann(proto, outputs, device=device, fixed=fixed, axes=axes)(inputs, batch)


def split(inputs: Mapping[str, Any], size: int, axes: BatchAxes | None = None) -> Iterator[dict[str, Any]]:
    """Yield `inputs` in batches of at most `size` samples, which lie in front where `axes` does not say otherwise."""
    arrays = {name: value if hasattr(value, "shape") else np.asarray(value) for name, value in inputs.items()}
    return (part for part, _ in (axes or BatchAxes()).split(arrays, size))


def _real_inputs(proto: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    constant = {tensor.name for tensor in proto.graph.initializer}
    return [value for value in proto.graph.input if value.name not in constant]


def _cast(value: Any, port: onnx.ValueInfoProto) -> np.ndarray:
    """Return `value` in the port's own width: floats as its float type, integers as its integer type."""
    array, kind = np.asarray(value), port.type.tensor_type.elem_type
    wanted = helper.tensor_dtype_to_np_dtype(kind)
    same = array.dtype.kind == "f" if kind in _FLOATS else array.dtype.kind in "iu" and wanted.kind in "iu"
    return array.astype(wanted, copy=False) if same else array


def _first_line(error: Exception) -> str:
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return text.split(" : ", 3)[-1][:300]
