"""Operators that make tensors, and dropout, which at inference makes nothing."""

import torch
from torch import Tensor

from onnx2snn_runtime.errors import ModelError, UnsupportedError
from onnx2snn_runtime.ops import LONGEST, Declared, Ints, Scalar, operator
from onnx2snn_runtime.ops.cast import torch_dtype
from onnx2snn_runtime.ops.random_numbers import generator

OPERATORS: Declared = {
    "Constant ConstantOfShape": {},
    "Dropout": {"affine": "t", "copies": True},
    "EyeLike": {"shape_only": True},
    "Range": {"shaped_by_data": True},
    "Trilu": {"affine": "tc", "copies": True},
}


@operator("Constant")
def constant(
    *,
    value: Tensor | None = None,
    value_float: float | None = None,
    value_floats: list[float] | None = None,
    value_int: int | None = None,
    value_ints: list[int] | None = None,
    value_string: str | None = None,
    value_strings: list[str] | None = None,
    sparse_value: Tensor | None = None,
) -> Tensor:
    """y = the tensor, number or list that the attribute holds."""
    if value is not None:
        return value
    number, numbers = (value_float, value_floats), (value_int, value_ints)
    for dtype, choices in ((torch.float32, number), (torch.int64, numbers)):
        for choice in choices:
            if choice is not None:
                return torch.tensor(choice, dtype=dtype)
    if sparse_value is not None:
        return sparse_value.to_dense()
    raise UnsupportedError("Constant with value_string or value_strings is not supported: torch has no strings")


@operator("ConstantOfShape")
def constant_of_shape(shape: Ints, *, value: Tensor | None = None) -> Tensor:
    """y = `shape` filled with the one element of `value`, float 0 where there is none."""
    if value is None:
        return torch.zeros(shape)
    return value.reshape([1] * len(shape)).expand(shape).clone()


@operator("Range")
def range_(start: Tensor, limit: Tensor, delta: Tensor, *, stash_type: int = 1) -> Tensor:
    """y = start + i delta for i from 0 until limit; the bounds set a shape, so they are read on the host."""
    first, last, step = (float(v.double()) for v in (start, limit, delta))
    if step and abs((last - first) / step) > LONGEST:
        raise ModelError(f"Range from {first:g} to {last:g} has more than 2^30 numbers: the file is damaged")
    if start.dtype.is_floating_point:
        count = max(int(-(-(last - first) // step)), 0)
        wide = torch.promote_types(start.dtype, torch.float32)
        y = start.to(wide) + torch.arange(count, device=start.device, dtype=wide) * delta.to(wide)
        return y.to(start.dtype)
    return torch.arange(int(start), int(limit), int(delta), device=start.device).to(start.dtype)


@operator("EyeLike")
def eye_like(x: Tensor, *, dtype: int | None = None, k: int = 0) -> Tensor:
    """y = a matrix shaped like x with ones on the diagonal k."""
    row, column = (torch.arange(n, device=x.device) for n in x.shape)
    return (column.reshape(1, -1) - row.reshape(-1, 1) == k).to(
        x.dtype if dtype is None else torch_dtype(dtype, "EyeLike")
    )


@operator("Trilu")
def trilu(x: Tensor, k: Ints | None = None, *, upper: int = 1) -> Tensor:
    """y = the upper or lower triangle of the last two axes, cut at diagonal k."""
    diagonal = k[0] if k else 0
    return torch.triu(x, diagonal) if upper else torch.tril(x, diagonal)


@operator("Dropout")
def dropout(
    x: Tensor,
    ratio: Scalar | None = None,
    training_mode: Scalar | None = None,
    *,
    seed: int | None = None,
    is_test: int = 0,
    consumed_inputs: list[int] | None = None,
) -> tuple[Tensor, Tensor]:
    """(x, a mask of ones): inference. With training_mode, x / (1 - ratio) where a seeded mask keeps it, else 0."""
    rate = 0.5 if ratio is None else ratio
    if not training_mode or rate == 0:
        return x, torch.ones_like(x, dtype=torch.bool)
    mask = torch.rand(x.shape, generator=generator(seed, x.device), device=x.device) >= rate
    return torch.where(mask, x / (1 - rate), torch.zeros_like(x)), mask
