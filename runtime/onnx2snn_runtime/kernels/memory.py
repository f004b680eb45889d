"""Validates the tensors of a kernel call once, before it reads them: dtypes, devices, shapes and strides."""

from collections.abc import Sequence

import torch

from onnx2snn_runtime.dynamics.base import Tensor
from onnx2snn_runtime.errors import ModelError
from onnx2snn_runtime.kernels.plans import Plan


def check_chunk(plan: Plan, target: Tensor, steps: int, types: tuple[torch.dtype, ...]) -> None:
    """Raise ModelError where `plan` and `target` [1 to steps, ...] do not fit each other.

    `types` are those that the kernel reads targets in beside the type of v. What is states has to be as v is, the
    table needs an entry for each step, and a target a row for each, or fewer of which the last stands for the rest.
    """
    v = plan.state.v
    if target.dtype != v.dtype and target.dtype not in types:
        raise _unfit(f"a target of {_name(target)} for a state of {_name(v)}")
    for what, value, shape in (
        ("a target", target, tuple(target.shape[1:]) if target.ndim else None),
        *(("a state", value, tuple(value.shape)) for value in plan.states),
    ):
        if value.device != v.device:
            raise _unfit(f"{what} on {value.device} for a state on {v.device}")
        if shape != tuple(v.shape):
            raise _unfit(f"{what} of the shape {tuple(value.shape)} for neurons of the shape {tuple(v.shape)}")
    for value in plan.states:
        if value.dtype != v.dtype:
            raise _unfit(f"a state of {_name(value)} beside one of {_name(v)}")
    if not len(target) or steps < 1 or len(plan.table) < steps:
        raise _unfit(f"{len(target)} targets and {len(plan.table)} entries of a table for {steps} steps")


def address(tensor: Tensor, dtype: torch.dtype, count: int, strides: Sequence[int] | None = None) -> int:
    """Return where the `count` numbers of `tensor` lie in the host's memory, one after the other.

    Their order is that of the axes, or with `strides`, those of its last axes, any in which they lie in a row. The one
    place where C gets its pointers from: another type, number, device or order raises ModelError.
    """
    if strides is None:
        in_order = tensor.is_contiguous()
    else:
        axes = zip(tensor.shape[::-1], tensor.stride()[::-1], reversed(strides), strict=False)
        in_order = is_dense(tensor) and all(size == 1 or own == given for size, own, given in axes)
    if tensor.dtype != dtype or tensor.numel() != count or tensor.device.type != "cpu" or not in_order:
        raise _unfit(
            f"{tensor.numel()} numbers of {_name(tensor)} on {tensor.device} with the strides {tensor.stride()}, "
            f"{count} of {str(dtype)[6:]} in a row on the CPU are needed"
        )
    return tensor.data_ptr()


def is_dense(tensor: Tensor) -> bool:
    """Return whether the elements fill their memory without gaps or overlaps, in some order of axes."""
    if tensor.is_contiguous():
        return True
    expected = 1
    for stride, size in sorted((s, n) for s, n in zip(tensor.stride(), tensor.shape, strict=True) if n != 1):
        if stride != expected:
            return False
        expected *= size
    return True


def ordered(value: Tensor, strides: Sequence[int]) -> Tensor:
    """Return a copy of `value` with these strides."""
    return torch.empty_strided(value.shape, strides, dtype=value.dtype, device=value.device).copy_(value)


def address_within(tensor: Tensor, dtype: torch.dtype) -> int:
    """Return where the first number of `tensor` lies, from which a kernel goes on by the strides of that tensor.

    Another type, or one that is not in the host's memory, raises ModelError.
    """
    if tensor.dtype != dtype or tensor.device.type != "cpu":
        raise _unfit(f"{_name(tensor)} on {tensor.device} where {str(dtype)[6:]} on the CPU is needed")
    return tensor.data_ptr()


def _name(tensor: Tensor) -> str:
    return str(tensor.dtype)[6:]


def _unfit(what: str) -> ModelError:
    return ModelError(f"a kernel was given {what}: run with executor='step', and report this network")
