"""Selects the synapses that may run in half precision: those whose spikes are exact in it.

A graded spike is sign * scale * 2^k * (1 + m / 2^mantissa) with -levels < k <= 0: mantissa + 1 significant bits, so it
is exact in float16 (11 bits), bfloat16 (8) and TF32 (11), as long as its exponent is in range, for a scale that is a
power of two. bfloat16 and TF32 have the exponents of float32. float16 ends at 65504 and at 2^-24:

    2 scale <= 65504                                   |v| goes up to 2 scale
    levels <= 25 - mantissa + log2(scale)              the last bit of the smallest spike is 2^-24 or more

Beyond that, large spikes would overflow and small ones underflow. The synapses between such a population and the next
ones therefore run in float32, which costs speed but no accuracy. Estimates, targets and accumulated currents are always
float32.

Casts between floating-point types round nothing that varies in time: values meet in the type of the run, whatever type
the graph gives them. What rounds would be no synapse (a rounded sum is not the sum of rounded spikes), and what neurons
compute would have a tie at every step of the narrow type. Inputs, readouts and outputs are cast as the graph says.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import onnx
import torch

from onnx2snn_runtime.ops.cast import keep_float
from onnx2snn_runtime.program.interpreter import Call

Item = TypeVar("Item")

_DIGITS = {torch.float16: 11, torch.bfloat16: 8}
_SMALLEST = {torch.float16: -24, torch.bfloat16: -133}
"""log2 of the smallest number above zero."""

DECLARED: dict[int, torch.dtype] = {
    onnx.TensorProto.FLOAT: torch.float32,
    onnx.TensorProto.DOUBLE: torch.float64,
    onnx.TensorProto.FLOAT16: torch.float16,
}
"""The dtypes of outputs, by their declared ONNX type."""


def fits(dtype: torch.dtype, scale: np.ndarray, levels: int, mantissa: int) -> bool:
    """Return whether graded spikes are exact in `dtype`, for scales that are powers of two; others are in its range."""
    if dtype not in _DIGITS:
        return True
    sizes = np.abs(np.asarray(scale, dtype=np.float64))
    largest, smallest = float(sizes.max(initial=0.0)), float(sizes[sizes > 0].min(initial=math.inf))
    if not largest:
        return True
    last = math.floor(math.log2(smallest)) - (levels - 1) - mantissa
    return mantissa < _DIGITS[dtype] and 2 * largest <= torch.finfo(dtype).max and last >= _SMALLEST[dtype]


def unrounded(item: Call) -> Call:
    """Return `item`, if it is a Cast, as one that leaves floating-point values as they are."""
    if item.op_type != "Cast" or item.operator.domain:
        return item
    return replace(item, operator=replace(item.operator, function=keep_float))


def widened(items: Sequence[Item], wide: set[str]) -> list[Item]:
    """Return `items` with all synapses marked that depend on a value in `wide`; their outputs are added to `wide`."""
    made: list[Item] = []
    for item in items:
        if not isinstance(item, Call):
            made.append(item)
            continue
        reached = any(name in wide for name in item.inputs)
        wide.update(item.outputs if reached else ())
        made.append(replace(item, wide=reached) if item.wide != reached else item)
    return made


def own_dtype(model: onnx.ModelProto) -> torch.dtype:
    """Return float64 for a model whose inputs or weights are all double, else float32."""
    kinds = {value.type.tensor_type.elem_type for value in model.graph.input}
    kinds |= {tensor.data_type for tensor in model.graph.initializer}
    floats = kinds & {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16}
    return torch.float64 if onnx.TensorProto.DOUBLE in kinds and not floats else torch.float32
