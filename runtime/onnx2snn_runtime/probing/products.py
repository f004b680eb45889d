"""Counts the products of non-zero elements of two activations."""

from collections.abc import Sequence

import torch

from onnx2snn_runtime.probing.arrivals import Product
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor, call, compute


def operands(product: Product, sources: Sequence[Tensor], constant: Frame) -> list[Tensor]:
    """Return the operands of the product, for values `sources` of the population's sources."""
    item, inner = product.item, product.inner
    formal = dict(zip(item.formal, sources, strict=False))
    if not all(name in formal for name in inner.inputs[:2]):
        held = [constant.values[name] for name in item.constants]
        frame = Frame(sources[0].dtype, sources[0].device, host=item.host_constants(constant))
        frame.values.update(zip(item.formal, (*sources, *held), strict=True))
        for before in item.body:
            if before is inner:
                break
            call(before, frame)
        formal = frame.values
    return [formal[name] for name in inner.inputs[:2]]


def marks(value: Tensor, before: Tensor | float = 0.0) -> Tensor:
    """Return 1 where `value` is not `before`, else 0."""
    made = torch.empty(value.shape, dtype=torch.float32, device=value.device)
    return torch.ne(value, before, out=made)


def pairs(inner: Call, a: Tensor, b: Tensor) -> Tensor:
    """Return how many products `inner` makes of elements that are marked by 1, as a tensor to be summed."""
    if inner.op_type == "MatMul" and a.ndim > 1 and b.ndim > 1:
        return a.sum(-2) * b.sum(-1)
    alpha = float(inner.attributes.get("alpha", 1.0)) or 1.0
    made: Tensor = compute(inner, [a, b])
    return made / alpha
