"""Products of matrices."""

import torch
from torch import Tensor

from onnx2snn_runtime.ops import Declared, operator
from onnx2snn_runtime.ops.elementwise import widen

OPERATORS: Declared = {
    "Det": {},
    "Einsum": {"affine": "f*", "weighted": True},
    "Gemm": {"affine": "fft", "weighted": True, "own_memory": True},
    "MatMul": {"affine": "ff", "weighted": True, "own_memory": True},
}


@operator("MatMul")
def matmul(a: Tensor, b: Tensor) -> Tensor:
    """y = a b over the last two axes, (..., M, K) x (..., K, N); the others broadcast."""
    return _in_type_of(a, torch.matmul(*_multiplied(a, b)))


def _multiplied(*operands: Tensor) -> list[Tensor]:
    """Return the operands of a product of matrices in a type that torch multiplies where they are.

    On CUDA it multiplies no integer matrices, on a CPU none of unsigned integers wider than 8 bits.
    """
    integers = not any(x.is_floating_point() or x.is_complex() for x in operands)
    return [x.double() if integers and x.device.type != "cpu" else widen(x) for x in operands]


def _in_type_of(x: Tensor, y: Tensor) -> Tensor:
    """Return y in the type of x; integers wrap."""
    return y.to(x.dtype) if x.is_floating_point() or x.is_complex() else y.to(torch.int64).to(x.dtype)


@operator("Gemm")
def gemm(
    a: Tensor,
    b: Tensor,
    c: Tensor | None = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,
    transB: int = 0,
    broadcast: int = 0,
) -> Tensor:
    """y = alpha a' b' + beta c; c broadcasts to (M, N), before opset 7 where `broadcast` says so."""
    if c is not None and c.ndim == 1 and len(c) > 1 and alpha == beta == 1 and not transA and a.is_floating_point():
        return torch.nn.functional.linear(a, b if transB else b.mT, c)
    y = matmul(a.mT if transA else a, b.mT if transB else b)
    if alpha != 1:
        y = (alpha * y).to(a.dtype)
    if c is None:
        return y
    return y + (c if beta == 1 else (beta * c).to(a.dtype))


@operator("Einsum")
def einsum(*operands: Tensor, equation: str) -> Tensor:
    """y = the sum of products that `equation` writes down."""
    return _in_type_of(operands[0], torch.einsum(equation.replace(" ", ""), *_multiplied(*operands)))


@operator("Det")
def det(x: Tensor) -> Tensor:
    """y = det x over the last two axes."""
    wide = torch.promote_types(x.dtype, torch.float32)  # torch factors no half floats
    return torch.linalg.det(x.to(wide)).to(x.dtype)
