"""Validates the inputs of a caller against a model's inputs, and moves them to the device."""

from collections.abc import Mapping, Sequence
from itertools import permutations
from os import PathLike
from typing import Any

import numpy as np
import torch
from onnx import TensorProto, helper

from onnx2snn_runtime.errors import InputError, first_line
from onnx2snn_runtime.ir.arrays import native
from onnx2snn_runtime.program.interpreter import Tensor, to_tensor
from onnx2snn_runtime.program.ports import Port
from onnx2snn_runtime.program.program import Program

_FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16}
MOST_MOVED = 5
"""Of arrays of more axes no other order of them is looked for."""


def named_inputs(x: Any, ports: Sequence[Port]) -> dict[str, Any]:
    """Return `x` as a mapping from input name to array; a missing or unknown name raises InputError."""
    names = [port.name for port in ports]
    if not isinstance(x, Mapping):
        if len(names) != 1:
            raise InputError(f"the model has the inputs {', '.join(names)}: give a mapping from name to array")
        return {names[0]: x}
    unknown = [name for name in x if name not in names]
    missing = [name for name in names if name not in x]
    if unknown or missing:
        what = f"has no input {unknown[0]!r}" if unknown else f"needs the input {missing[0]!r}"
        raise InputError(f"the model {what}: its inputs are {', '.join(names)}")
    return dict(x)


def check_input(value: Any, port: Port) -> Tensor:
    """Return `value` as a tensor for `port`, or with a leading time axis [T, ...]; a mismatch raises InputError.

    For a model without a batch axis, one additional dimension is samples, and two are time and samples.
    """
    tensor = value if isinstance(value, Tensor) else to_tensor(_array(value, port.name))
    if tensor.layout != torch.strided or tensor.is_meta or tensor.is_quantized:
        raise InputError(f"the input {port.name!r} is a sparse, quantised or meta tensor: give a dense one")
    floating = port.type in _FLOATS
    if tensor.is_floating_point() != floating or (port.type == TensorProto.BOOL) != (tensor.dtype == torch.bool):
        raise InputError(
            f"the input {port.name!r} has the type {str(tensor.dtype)[6:]}, the model takes "
            f"{helper.tensor_dtype_to_np_dtype(port.type)}: convert it first"
        )
    if port.shape is not None:
        extra = tensor.ndim - len(port.shape)
        shape = tuple(tensor.shape[max(0, extra) :])
        fits = extra in (0, 1, 1 + port.single) and all(
            axis == port.axis or a in (b, 0) or b == 0
            for axis, (a, b) in enumerate(zip(port.shape, shape, strict=True))
        )
        if not fits or (port.shape == () and extra > port.single):
            wanted_shape = ", ".join(str(d) if d else "any" for d in port.shape)
            raise InputError(
                f"the input {port.name!r} has the shape {tuple(tensor.shape)}, the model takes ({wanted_shape})"
                + _what_would_fit(tuple(tensor.shape), port)
            )
    return tensor


def _what_would_fit(shape: tuple[int, ...], port: Port) -> str:
    """Return how an array of `shape` would fit `port`, where moving or adding an axis does it; else ''."""
    wanted = port.shape or ()

    def fits(sizes: Sequence[int]) -> bool:
        return all(axis == port.axis or a in (b, 0) for axis, (a, b) in enumerate(zip(wanted, sizes, strict=True)))

    if len(shape) + 1 == len(wanted) and port.axis == 0 and fits((1, *shape)):
        return ": samples come first, so give a single one as array[None]"
    if len(shape) != len(wanted) or len(shape) > MOST_MOVED:
        return ""
    orders = (order for order in permutations(range(len(shape))) if fits([shape[place] for place in order]))
    order = next(orders, None)  # the first keeps most of the order that there is
    return "" if order is None else f": array.transpose{order} would fit, if that is what its axes are"


def varies_in_time(tensor: Tensor, port: Port) -> bool:
    """Return whether `tensor` is x[T, ...] for a `port` of x[...]."""
    return port.shape is not None and tensor.ndim == len(port.shape) + 1 + port.single


def to_device(tensor: Tensor, port: Port, program: Program) -> Tensor:
    """Return `tensor` on the program's device, floating-point values in its wide type, integers in the graph's own."""
    if tensor.is_floating_point():
        return tensor.to(program.device, program.wide, non_blocking=True)
    own = to_tensor(np.zeros(0, helper.tensor_dtype_to_np_dtype(port.type))).dtype
    return tensor.to(program.device, own, non_blocking=True)


def _array(value: Any, name: str) -> np.ndarray:
    if isinstance(value, str | PathLike):
        raise InputError(f"the input {name!r} is {str(value)!r}, a text or a path: give an array, as np.load reads it")
    try:
        array = native(np.asarray(value))
    except (ValueError, TypeError) as error:
        raise InputError(f"the input {name!r} is no array ({first_line(error)}): give one of numbers") from error
    if str(array.dtype) != "bfloat16" and (array.dtype.kind not in "fiub" or array.dtype.itemsize > 8):
        raise InputError(f"the input {name!r} has the type {array.dtype}: give numbers, of 64 bits at most")
    return array
