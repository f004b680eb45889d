"""Sorting and operators whose output has as many elements as the data say."""

import torch
from torch import Tensor

from onnx2snn_runtime.ops import Declared, Ints, operator

OPERATORS: Declared = {
    "Compress": {"affine": "tc", "shaped_by_data": True, "copies": True},
    "NonZero": {"shaped_by_data": True, "discrete": True},
    "OneHot": {"affine": "cct"},
    "TopK": {"readout": True},
    "Unique": {"shaped_by_data": True},
}


@operator("TopK")
def top_k(
    x: Tensor,
    k: Ints | int,
    *,
    axis: int = -1,
    largest: int = 1,
    sorted: int = 1,
) -> tuple[Tensor, Tensor]:
    """(values, indices) of the k largest, or smallest, along `axis`; of equals the lower index comes first."""
    count = k if isinstance(k, int) else k[0]
    values, indices = torch.sort(x, dim=axis, descending=bool(largest), stable=True)
    return values.narrow(axis, 0, count), indices.narrow(axis, 0, count)


@operator("NonZero")
def non_zero(x: Tensor) -> Tensor:
    """y = the indices of the elements that are not 0, (rank, count)."""
    return torch.nonzero(x).T


@operator("Compress")
def compress(x: Tensor, condition: Tensor, *, axis: int | None = None) -> Tensor:
    """y = the slices of x along `axis` for which `condition` holds, of the flattened x where there is no axis."""
    kept = torch.nonzero(condition.reshape(-1)).reshape(-1)
    return x.reshape(-1).index_select(0, kept) if axis is None else x.index_select(axis, kept)


@operator("Unique")
def unique(
    x: Tensor,
    *,
    axis: int | None = None,
    sorted: int = 1,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(values, first indices, inverse indices, counts) of the different slices, in order or as they appear."""
    x = x.reshape(-1) if axis is None else x
    dim = 0 if axis is None else axis
    values, inverse, counts = torch.unique(x, return_inverse=True, return_counts=True, dim=dim)
    place = torch.arange(inverse.numel(), device=x.device)
    first = torch.full_like(counts, inverse.numel()).scatter_reduce(0, inverse, place, "amin")
    if not sorted:
        order = torch.argsort(first)
        values, first, counts = values.index_select(dim, order), first[order], counts[order]
        inverse = torch.argsort(order)[inverse]
    return values, first, inverse, counts


@operator("OneHot")
def one_hot(indices: Tensor, depth: Ints, values: Tensor, *, axis: int = -1) -> Tensor:
    """y = values[1] where the new axis `axis` of size `depth` meets the index, values[0] elsewhere."""
    count = depth[0]
    index = torch.where(indices < 0, indices + count, indices)
    hit = index.unsqueeze(-1) == torch.arange(count, device=indices.device)
    return torch.movedim(torch.where(hit, values[1], values[0]), -1, axis)
