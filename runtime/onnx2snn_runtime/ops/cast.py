"""Conversions between element types, and the table of ONNX's type codes."""

import torch
from torch import Tensor

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import Declared, operator

OPERATORS: Declared = {
    "BitCast": {},
    "Cast": {
        "affine": "t",
        "affine_if": {"to": (1, 10, 11, 16)},
        "elementwise": True,
        "readout": True,
        "after_readout": True,
        "copies": True,
    },
    "CastLike": {"affine": "t", "copies": True},
}


DTYPES = {
    1: torch.float32,
    2: torch.uint8,
    3: torch.int8,
    4: torch.uint16,
    5: torch.int16,
    6: torch.int32,
    7: torch.int64,
    9: torch.bool,
    10: torch.float16,
    11: torch.float64,
    12: torch.uint32,
    13: torch.uint64,
    14: torch.complex64,
    15: torch.complex128,
    16: torch.bfloat16,
    17: torch.float8_e4m3fn,
    18: torch.float8_e4m3fnuz,
    19: torch.float8_e5m2,
    20: torch.float8_e5m2fnuz,
}
_NAMES = {"FLOAT": 1, "DOUBLE": 11, "FLOAT16": 10, "INT32": 6, "INT64": 7, "BOOL": 9, "UINT8": 2, "INT8": 3, "INT16": 5}


def torch_dtype(code: int | str, operator_name: str) -> torch.dtype:
    """Return the torch type of an ONNX type code (or name, as opset 1 wrote it); other types raise UnsupportedError."""
    number = _NAMES.get(code, 0) if isinstance(code, str) else code
    if number not in DTYPES:
        raise UnsupportedError(f"{operator_name} to element type {code} is not supported: torch has no such type")
    return DTYPES[number]


def is_float8(dtype: torch.dtype) -> bool:
    """Return whether a type is one of the four 8-bit floats."""
    return dtype in (DTYPES[17], DTYPES[18], DTYPES[19], DTYPES[20])


def convert(x: Tensor, dtype: torch.dtype, saturate: int = 1) -> Tensor:
    """Return x as `dtype`; an 8-bit float saturates at its largest value where `saturate` is set."""
    if dtype == torch.float8_e4m3fn and not saturate:
        raise UnsupportedError("Cast to float8e4m3fn with saturate=0 is not supported: torch saturates")
    if is_float8(dtype) and saturate and x.dtype.is_floating_point:
        largest = torch.finfo(dtype).max
        x = x.float().clamp(-largest, largest)
    if is_float8(x.dtype):
        x = x.float()
    return x.to(dtype)


@operator("Cast")
def cast(x: Tensor, *, to: int | str, saturate: int = 1, round_mode: str = "up") -> Tensor:
    """y = x as the element type `to`; round_mode concerns float8e8m0 alone, which is not supported."""
    return convert(x, torch_dtype(to, "Cast"), saturate)


FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def keep_float(x: Tensor, *, to: int | str, saturate: int = 1, round_mode: str = "up") -> Tensor:
    """y = x where both types are ordinary floating-point types, else `cast`: what varies has the type of the run."""
    dtype = torch_dtype(to, "Cast")
    return x if x.dtype in FLOATS and dtype in FLOATS else convert(x, dtype, saturate)


@operator("CastLike")
def cast_like(x: Tensor, target: Tensor, *, saturate: int = 1, round_mode: str = "up") -> Tensor:
    """y = x as the element type of `target`."""
    return convert(x, target.dtype, saturate)


@operator("BitCast")
def bit_cast(x: Tensor, *, to: int) -> Tensor:
    """y = the bits of x read as the element type `to`, of equal width."""
    return x.contiguous().view(torch_dtype(to, "BitCast"))
