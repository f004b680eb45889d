"""Reductions over axes. `axes` is an attribute in old opsets and an input in new ones; one handler serves both."""

from collections.abc import Callable

import torch
from torch import Tensor

from onnx2snn_runtime.ops import Declared, Ints, operator
from onnx2snn_runtime.ops.elementwise import widen

OPERATORS: Declared = {
    "ArgMax ArgMin": {"discrete": True, "readout": True},
    "CumProd": {},
    "CumSum": {"affine": "tc"},
    "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMin ReduceProd ReduceSumSquare": {"reduces": True},
    "ReduceMean ReduceSum": {"affine": "tc", "reduces": True},
}


Reduce = Callable[[Tensor, tuple[int, ...], bool], Tensor]


def _prod(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    for axis in sorted((axis % x.ndim for axis in axes), reverse=True):
        x = x.prod(axis, keepdim=keepdims)
    return x


def _extreme(function: Callable[..., Tensor], sign: int) -> Reduce:
    def reduce(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
        if any(x.shape[axis] == 0 for axis in axes):  # the neutral value of an empty set, which torch refuses
            shape = torch.sum(x, axes, keepdim=keepdims).shape
            return torch.full(shape, _bound(x.dtype, -sign), dtype=x.dtype, device=x.device)
        return function(x, axes, keepdim=keepdims)

    return reduce


def _bound(dtype: torch.dtype, sign: int) -> float:
    if dtype.is_floating_point:
        return sign * float("inf")
    if dtype == torch.bool:
        return sign > 0
    return torch.iinfo(dtype).max if sign > 0 else torch.iinfo(dtype).min


def _mean(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    if x.dtype.is_floating_point:
        return x.mean(axes, keepdim=keepdims)
    count = 1
    for axis in axes:
        count *= x.shape[axis]
    return torch.div(x.sum(axes, keepdim=keepdims), count, rounding_mode="trunc")


def _log_sum_exp(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    return torch.logsumexp(x if x.dtype.is_floating_point else x.double(), axes, keepdim=keepdims)


def _root_of_squares(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    x = x if x.dtype.is_floating_point else x.double()
    return (x * x).sum(axes, keepdim=keepdims).sqrt()


_REDUCTIONS: dict[str, Reduce] = {
    "ReduceSum": lambda x, axes, keep: x.sum(axes, keepdim=keep),
    "ReduceMean": _mean,
    "ReduceProd": _prod,
    "ReduceMax": _extreme(torch.amax, 1),
    "ReduceMin": _extreme(torch.amin, -1),
    "ReduceL1": lambda x, axes, keep: x.abs().sum(axes, keepdim=keep),
    "ReduceL2": _root_of_squares,
    "ReduceSumSquare": lambda x, axes, keep: (x * x).sum(axes, keepdim=keep),
    "ReduceLogSum": lambda x, axes, keep: x.sum(axes, keepdim=keep).log(),
    "ReduceLogSumExp": _log_sum_exp,
}


def _register(name: str, function: Reduce) -> None:
    @operator(name)
    def handler(x: Tensor, axes: Ints | None = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0) -> Tensor:
        wide = widen(x)
        if not axes and noop_with_empty_axes:
            # the sum of one element is the element, but its L2 norm is its magnitude
            return function(wide.unsqueeze(-1), (-1,), False).to(x.dtype)
        chosen = tuple(axes) if axes else tuple(range(x.ndim))
        if not chosen:
            return function(wide.unsqueeze(0), (0,), False).to(x.dtype)
        return function(wide, chosen, bool(keepdims)).to(x.dtype)

    handler.__doc__ = f"y = {name} of x over `axes`, all of them where there are none."


for _name, _function in _REDUCTIONS.items():
    _register(_name, _function)


def _first(x: Tensor, axis: int, keepdims: int, last: int, function: Callable[..., Tensor]) -> Tensor:
    if not last:
        return function(x, axis, keepdim=bool(keepdims))
    return x.shape[axis] - 1 - function(x.flip(axis), axis, keepdim=bool(keepdims))


@operator("ArgMax")
def arg_max(x: Tensor, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Tensor:
    """y = the index of the largest value along `axis`, the first or the last of equals."""
    return _first(x, axis, keepdims, select_last_index, torch.argmax)


@operator("ArgMin")
def arg_min(x: Tensor, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Tensor:
    """y = the index of the smallest value along `axis`, the first or the last of equals."""
    return _first(x, axis, keepdims, select_last_index, torch.argmin)


def _scan(x: Tensor, axis: int, exclusive: int, reverse: int, function: Callable[..., Tensor], start: int) -> Tensor:
    x = x.flip(axis) if reverse else x
    if exclusive:
        head = torch.full_like(x.narrow(axis, 0, 1), start)
        x = torch.cat([head, x.narrow(axis, 0, x.shape[axis] - 1)], axis)
    y = function(x, axis).to(x.dtype)
    return y.flip(axis) if reverse else y


@operator("CumSum")
def cum_sum(x: Tensor, axis: Ints, *, exclusive: int = 0, reverse: int = 0) -> Tensor:
    """y_i = the sum of x up to i along `axis`, without x_i where `exclusive`, from the end where `reverse`."""
    return _scan(x, axis[0], exclusive, reverse, torch.cumsum, 0)


@operator("CumProd")
def cum_prod(x: Tensor, axis: Ints, *, exclusive: int = 0, reverse: int = 0) -> Tensor:
    """y_i = the product of x up to i along `axis`, without x_i where `exclusive`, from the end where `reverse`."""
    return _scan(x, axis[0], exclusive, reverse, torch.cumprod, 1)
