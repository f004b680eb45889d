"""Fuses calls that one torch function computes faster, when a program is bound; results are equal up to rounding.

MatMul(x, W) + b                     ->  linear(x, W, b), where W and b are constants
0.5 x (1 + erf(x / sqrt 2)), ...     ->  c gelu(x): a scalar function of a neuron, recognised by its values
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch.nn import functional

from onnx2snn_runtime.errors import Onnx2SnnError
from onnx2snn_runtime.ops import Operator
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor, call

KNOWN: tuple[tuple[str, Callable[[Tensor], Tensor]], ...] = (
    ("Gelu", functional.gelu),
    ("Gelu", functools.partial(functional.gelu, approximate="tanh")),
    ("Swish", functional.silu),
    ("Mish", functional.mish),
    ("HardSwish", functional.hardswish),
    ("Softplus", functools.partial(functional.softplus, threshold=100.0)),
)
"""Scalar functions that exporters write as several operators, with the name of the ONNX operator."""


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return x W + b for x [..., n, i], W [i, o], b [o]."""
    return functional.linear(x, weight.t(), bias)


def scaled(x: Tensor, *unused: Any, function: Callable[[Tensor], Tensor], factor: float) -> Tensor:
    """Return factor * function(x)."""
    y = function(x)
    return y if factor == 1.0 else y.mul_(factor)  # y is the function's own


def fuse(
    loop: Sequence[Any],
    tail: Sequence[Any],
    readout: Sequence[Call],
    outputs: frozenset[str],
    constants: Mapping[str, Tensor],
) -> tuple[list[Any], list[Any]]:
    """Return the items of `loop` and `tail`, fused; values that others read, or that are `outputs`, are kept."""
    by_readout = frozenset(name for item in readout for name in item.inputs)
    by_tail = frozenset(name for item in tail for name in item.inputs)
    fused = fuse_biases(loop, constants, outputs | by_tail | by_readout)
    return [_simplified(item, constants) for item in fused], fuse_biases(tail, constants, outputs | by_readout)


def _simplified(item: Any, constants: Mapping[str, Tensor]) -> Any:
    """Return a population with one source and a known scalar function with one call as its body, others as they are."""
    if isinstance(item, Call) or len(item.sources) > 1:
        return item
    short = shorten(item.body, item.formal, [constants.get(name) for name in item.constants])
    return item if short is None else replace(item, body=(short,), result=short.outputs[0])


def fuse_biases(calls: Sequence[Any], constants: Mapping[str, Tensor], kept: frozenset[str]) -> list[Any]:
    """Return `calls` with each MatMul by a constant and its bias fused; values in `kept` must not disappear."""
    readers: dict[str, int] = {}
    for item in calls:
        for name in item.inputs if isinstance(item, Call) else (*item.sources, *item.constants):
            readers[name] = readers.get(name, 0) + 1
    products = {item.outputs[0]: item for item in calls if isinstance(item, Call) and _is_product(item, constants)}
    fused_products: set[str] = set()
    fused: list[Any] = []
    for item in calls:
        source = _biased(item, products, constants) if isinstance(item, Call) else None
        if source is None or readers[source] != 1 or source in kept:
            fused.append(item)
            continue
        fused_products.add(source)
        fused.append(_with_bias(products[source], item, source))
    return [item for item in fused if not (isinstance(item, Call) and item.outputs[0] in fused_products)]


def _is_product(item: Call, constants: Mapping[str, Tensor]) -> bool:
    weight = constants.get(item.inputs[1]) if item.op_type == "MatMul" and not item.operator.domain else None
    return weight is not None and weight.ndim == 2 and item.varying[0]


def _biased(item: Call, products: Mapping[str, Call], constants: Mapping[str, Tensor]) -> str | None:
    """Return the output of the product that `item` adds a bias to, None if it is no such addition."""
    if item.op_type != "Add" or item.operator.domain:
        return None
    for source, other in (item.inputs, item.inputs[::-1]):
        bias = constants.get(other)
        if source in products and bias is not None and bias.shape == constants[products[source].inputs[1]].shape[1:]:
            return source
    return None


def _with_bias(product: Call, add: Call, source: str) -> Call:
    bias = next(name for name in add.inputs if name != source)
    operator = Operator("", "Gemm", 1, linear, frozenset(), frozenset(), False)
    inputs = (*product.inputs, bias)
    return Call(product.node, "Gemm", operator, inputs, add.outputs, {}, (*product.varying, False))


def shorten(body: tuple[Call, ...], formal: Sequence[str], constants: Sequence[Tensor | None]) -> Call | None:
    """Return one call that computes `body`, a scalar function of one source and `constants`; None if none is known."""
    if len(body) < 2 or len(formal) != 1 + len(constants) or any(c is None or c.numel() > 1 for c in constants):
        return None
    x = torch.cat([torch.linspace(-12.0, 12.0, 97, dtype=torch.float64), torch.tensor([0.0, 1e-3, -1e-3]).double()])
    frame = Frame(torch.float64, torch.device("cpu"))
    frame.values.update(zip(formal, (x, *[c.cpu() for c in constants if c is not None]), strict=True))
    try:
        for item in body:
            call(item, frame)
    except Onnx2SnnError:
        return None  # no function of one number
    y = frame.get(body[-1].outputs[0])
    if y.shape != x.shape:
        return None
    for name, function in KNOWN:
        factor = _factor(y, function(x))
        if factor is not None:
            run = functools.partial(scaled, function=function, factor=factor)
            operator = Operator("", name, 1, run, frozenset(), frozenset(), False)
            return Call(body[-1].node, name, operator, (formal[0],), body[-1].outputs[:1], {})
    return None


def _factor(y: Tensor, known: Tensor) -> float | None:
    """Return c where y = c known, to the rounding of constants in float32."""
    at = int(known.abs().argmax())
    factor = float(y[at] / known[at])
    if not math.isfinite(factor):
        return None
    factor = round(factor) if abs(factor - round(factor)) < 1e-6 else factor
    return factor if factor and torch.allclose(y, factor * known, rtol=2e-6, atol=2e-7) else None
