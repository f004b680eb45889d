"""Runs a network, or the IR file it became, as the plain network it is, with onnxruntime."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnxruntime.capi import onnxruntime_pybind11_state as states

from onnx2snn_runtime.errors import InputError, ModelError
from onnx2snn_runtime.ir.batch import batch_axis
from onnx2snn_runtime.ir.large import is_large, save_large

_SILENT = 4
_FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16}
ORT_ERRORS = tuple(kind for kind in vars(states).values() if isinstance(kind, type) and issubclass(kind, Exception))


class Ann:
    """An onnxruntime session over `proto` that returns `outputs` (any values of the graph; by default its outputs).

    `fixed` is the batch size that the graph insists on, 0 where it takes any: smaller batches are filled up and the
    results cut. `device` is "cpu" or "cuda[:n]"; without a usable CUDA provider the CPU computes. The number of threads
    is the environment's OMP_NUM_THREADS, if set. A model that onnxruntime refuses raises ModelError.
    """

    def __init__(
        self, proto: onnx.ModelProto, outputs: Sequence[str] | None = None, *, device: str = "cpu", fixed: int = 0
    ) -> None:
        self._session = _open(proto, device)
        self._inputs = {port.name: port for port in _real_inputs(proto)}
        self.outputs = list(outputs) if outputs is not None else [value.name for value in proto.graph.output]
        self.fixed = fixed

    @property
    def providers(self) -> list[str]:
        """The onnxruntime providers that compute, in order of preference."""
        return list(self._session.get_providers())

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs by name for one batch; inputs that do not fit raise InputError or ModelError."""
        missing = [name for name in self._inputs if name not in inputs]
        if missing:
            raise InputError(f"the model needs the input {missing[0]!r}: its inputs are {', '.join(self._inputs)}")
        feed = {name: _cast(inputs[name], port) for name, port in self._inputs.items()}
        count = _samples(feed)
        if count < self.fixed:
            feed = {name: _filled(value, self.fixed) for name, value in feed.items()}
        try:
            values = self._session.run(self.outputs, feed)
        except ORT_ERRORS as error:
            raise ModelError(f"onnxruntime cannot run the model on these inputs: {_first_line(error)}") from error
        named = dict(zip(self.outputs, values, strict=True))
        return {n: _cut(v, count, self.fixed) for n, v in named.items()} if count < self.fixed else named

    def batches(self, inputs: Mapping[str, np.ndarray], size: int) -> Iterator[dict[str, np.ndarray]]:
        """Yield the outputs of `inputs` in batches of at most `size` samples (of `fixed`, where that is set)."""
        for batch in split(inputs, self.fixed or size):
            yield self(batch)


def run_ann(
    proto: onnx.ModelProto,
    inputs: Mapping[str, np.ndarray],
    batch: int,
    outputs: Sequence[str] | None = None,
    *,
    device: str = "cpu",
    fixed: int = 0,
) -> dict[str, np.ndarray]:
    """Return the values named in `outputs` (by default the graph's outputs) for all of `inputs`, by name.

    The samples lie along the first axis of every input; `batch` of them run at a time. See `Ann` for the rest.
    """
    ann = Ann(proto, outputs, device=device, fixed=fixed)
    parts = list(ann.batches(inputs, batch))
    sizes = [_samples(part) for part in split(inputs, fixed or batch)]
    declared = {value.name: _sizes(value) for value in proto.graph.output}
    return {
        name: _joined(name, [part[name] for part in parts], sizes, None if fixed else declared.get(name))
        for name in parts[0]
    }


def split(inputs: Mapping[str, np.ndarray], size: int) -> Iterator[dict[str, np.ndarray]]:
    """Yield `inputs` in batches of at most `size` samples along the first axis; scalars go into every one."""
    if size < 1:
        raise InputError(f"the batch size is {size}: give 1 or more samples")
    total = _samples(inputs)
    if not total:
        raise InputError("there are no samples: the first axis of the input is empty")
    for start in range(0, total, size):
        yield {name: value[start : start + size] if np.ndim(value) else value for name, value in inputs.items()}


def _open(proto: onnx.ModelProto, device: str) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SILENT
    options.add_session_config_entry("session.disable_quant_qdq", "1")  # else integers round where the model does not
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # else its threads slow what runs next
    options.intra_op_num_threads = _threads()
    providers = _providers(device)
    try:
        if is_large(proto):
            return _open_large(proto, options, providers)
        return onnxruntime.InferenceSession(proto.SerializeToString(), options, providers, enable_fallback=False)
    except ORT_ERRORS as error:
        raise ModelError(f"onnxruntime cannot load the model: {_first_line(error)}") from error


def _open_large(proto: onnx.ModelProto, options: Any, providers: list[Any]) -> Any:
    """Open `proto` through a temporary file."""
    with tempfile.TemporaryDirectory(prefix="onnx2snn-", ignore_cleanup_errors=True) as folder:
        file = Path(folder, "model.onnx")
        try:
            save_large(proto, file)
            return onnxruntime.InferenceSession(str(file), options, providers, enable_fallback=False)
        except OSError as error:
            raise ModelError(f"the model does not fit into a temporary file: {error.strerror or error}") from error


def _providers(device: str) -> list[Any]:
    name, _, index = device.partition(":")
    if name != "cuda" or "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return ["CPUExecutionProvider"]
    onnxruntime.set_default_logger_severity(_SILENT)  # it complains there where no GPU is
    return [("CUDAExecutionProvider", {"device_id": index or "0", "use_tf32": "0"}), "CPUExecutionProvider"]


def _threads() -> int:
    text = os.environ.get("OMP_NUM_THREADS", "")
    return int(text) if text.isdigit() else 0


def _real_inputs(proto: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    constant = {tensor.name for tensor in proto.graph.initializer}
    return [value for value in proto.graph.input if value.name not in constant]


def _cast(value: Any, port: onnx.ValueInfoProto) -> np.ndarray:
    """Return `value` in the port's own width: floats as its float type, integers as its integer type."""
    array, kind = np.asarray(value), port.type.tensor_type.elem_type
    wanted = helper.tensor_dtype_to_np_dtype(kind)
    same = array.dtype.kind == "f" if kind in _FLOATS else array.dtype.kind in "iu" and wanted.kind in "iu"
    return np.ascontiguousarray(array.astype(wanted, copy=False) if same else array)


def _samples(inputs: Mapping[str, np.ndarray]) -> int:
    sizes = {name: len(value) for name, value in inputs.items() if np.ndim(value)}
    if len(set(sizes.values())) > 1:
        raise InputError(f"the inputs differ in their number of samples: {sizes}")
    return next(iter(sizes.values()), 1)


def _filled(value: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([value, np.repeat(value[:1], size - len(value), 0)]) if value.ndim else value


def _cut(value: np.ndarray, samples: int, size: int) -> np.ndarray:
    """Return what belongs to the first `samples` of a batch of `size`."""
    axis = batch_axis([value.shape], [size])
    return value if axis is None else value.take(range(value.shape[axis] // size * samples), axis)


def _sizes(value: onnx.ValueInfoProto) -> list[int]:
    return [d.dim_value for d in value.type.tensor_type.shape.dim]


def _never(declared: list[int], shape: tuple[int, ...]) -> list[int] | None:
    """Return `declared`, in which no fixed axis can hold a free batch; None where the declaration is wrong."""
    right = len(declared) == len(shape) and all(d in (0, n) for d, n in zip(declared, shape, strict=True))
    return [-1 if d else 0 for d in declared] if right else None


def _joined(name: str, parts: list[np.ndarray], sizes: list[int], declared: list[int] | None) -> np.ndarray:
    """Return the results of several batches as one; one that differs and has no batch axis raises InputError."""
    if len(parts) == 1:
        return parts[0]
    free = None if declared is None else _never(declared, parts[0].shape)
    axis = batch_axis([part.shape for part in parts], sizes, free)
    if axis is not None:
        return np.concatenate(parts, axis)
    if all(np.array_equal(part, parts[0], equal_nan=part.dtype.kind == "f") for part in parts):
        return parts[0]
    raise InputError(f"{name!r} has no batch axis: run all samples at once, or one at a time")


def _first_line(error: Exception) -> str:
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return text.split(" : ", 3)[-1][:300]
