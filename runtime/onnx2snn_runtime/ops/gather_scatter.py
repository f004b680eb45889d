"""Reading and writing at indices. A negative index counts from the end."""

import torch
from torch import Tensor

from onnx2snn_runtime.ops import Declared, operator

OPERATORS: Declared = {
    "Gather GatherElements GatherND": {"affine": "tc", "readout": True, "copies": True},
    "ReverseSequence": {"affine": "tc", "copies": True},
    "Scatter": {"affine": "tct"},
    "ScatterElements ScatterND": {"affine": "tct", "affine_if": {"reduction": ("none", "add")}},
    "TensorScatter": {"affine": "ttc"},
}


_REDUCE = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


def positive(index: Tensor, size: int) -> Tensor:
    """Return int64 indices into an axis of `size` with negative ones counted from the end."""
    index = index.to(torch.int64)
    return torch.where(index < 0, index + size, index)


@operator("Gather")
def gather(x: Tensor, indices: Tensor, *, axis: int = 0) -> Tensor:
    """y[..., i, ...] = x[..., indices[i], ...] along `axis`; the axes of `indices` take the place of `axis`."""
    axis = axis % x.ndim
    if not indices.ndim and indices.device.type == "cpu":
        return x.select(axis, int(indices))
    index = positive(indices, x.shape[axis])
    y = x.index_select(axis, index.reshape(-1))
    return y.reshape(x.shape[:axis] + indices.shape + x.shape[axis + 1 :])


@operator("GatherElements")
def gather_elements(x: Tensor, indices: Tensor, *, axis: int = 0) -> Tensor:
    """y[i, j, ...] = x[indices[i, j, ...], j, ...] for axis 0, likewise for the others."""
    return torch.gather(x, axis, positive(indices, x.shape[axis]))


def _flat_index(indices: Tensor, sizes: torch.Size) -> Tensor:
    """Return the tuples in the last axis of `indices` as indices into the flattened axes of `sizes`."""
    flat = torch.zeros_like(indices[..., 0], dtype=torch.int64)
    for k, size in enumerate(sizes):
        flat = flat * size + positive(indices[..., k], size)
    return flat


@operator("GatherND")
def gather_nd(x: Tensor, indices: Tensor, *, batch_dims: int = 0) -> Tensor:
    """y[b, i] = x[b][indices[b, i]]; the last axis of `indices` holds a tuple of leading indices."""
    depth = indices.shape[-1]
    batch, sizes, rest = x.shape[:batch_dims], x.shape[batch_dims:][:depth], x.shape[batch_dims + depth :]
    flat = _flat_index(indices, sizes).reshape(batch.numel(), -1)
    rows = x.reshape(batch.numel(), sizes.numel(), rest.numel())
    y = torch.gather(rows, 1, flat.unsqueeze(-1).expand(-1, -1, rest.numel()))
    return y.reshape(indices.shape[:-1] + rest)


def _scatter(x: Tensor, axis: int, index: Tensor, updates: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return torch.scatter(x, axis, index, updates)
    return torch.scatter_reduce(x, axis, index, updates, _REDUCE[reduction])


@operator("ScatterElements", "Scatter")
def scatter_elements(x: Tensor, indices: Tensor, updates: Tensor, *, axis: int = 0, reduction: str = "none") -> Tensor:
    """y = x with y[indices[i, j, ...], j, ...] = (or reduced with) updates[i, j, ...] for axis 0, likewise others."""
    return _scatter(x, axis, positive(indices, x.shape[axis]), updates, reduction)


@operator("ScatterND")
def scatter_nd(x: Tensor, indices: Tensor, updates: Tensor, *, reduction: str = "none") -> Tensor:
    """y = x with y[indices[i]] = (or reduced with) updates[i]; the last axis of `indices` holds leading indices."""
    depth = indices.shape[-1]
    sizes, rest = x.shape[:depth], x.shape[depth:]
    flat = _flat_index(indices, sizes).reshape(-1, 1).expand(-1, rest.numel())
    rows = x.reshape(sizes.numel(), rest.numel())
    return _scatter(rows, 0, flat, updates.reshape(-1, rest.numel()), reduction).reshape(x.shape)


@operator("TensorScatter")
def tensor_scatter(
    past: Tensor, update: Tensor, write_indices: Tensor | None = None, *, axis: int = -2, mode: str = "linear"
) -> Tensor:
    """y = past (B, ..., S, ...) with `update` written along `axis` from each sample's write index on, or around."""
    axis = axis % past.ndim
    place = torch.arange(update.shape[axis], device=past.device).reshape(1, -1)
    if write_indices is not None:
        place = place + write_indices.reshape(-1, 1)
    place = place % past.shape[axis] if mode == "circular" else place
    shape = [1] * past.ndim
    shape[0], shape[axis] = place.shape
    return torch.scatter(past, axis, place.reshape(shape).expand(update.shape), update)


@operator("ReverseSequence")
def reverse_sequence(x: Tensor, sequence_lens: Tensor, *, batch_axis: int = 1, time_axis: int = 0) -> Tensor:
    """y = x with the first sequence_lens[b] steps of sample b in reverse."""
    step = torch.arange(x.shape[time_axis], device=x.device).reshape(-1, 1)
    length = sequence_lens.to(torch.int64).reshape(1, -1)
    index = torch.where(step < length, length - 1 - step, step)
    index = index if time_axis < batch_axis else index.T
    shape = [n if i in (time_axis, batch_axis) else 1 for i, n in enumerate(x.shape)]
    return torch.gather(x, time_axis, index.reshape(shape).expand(x.shape))
