"""Values over a chunk of time steps: [n, ...], one row for each of the first n steps; later steps have the last row.

A population that settles before the chunk ends has fewer rows than the chunk has steps, and the values that depend on
it are computed for these rows only.
"""

import torch

Tensor = torch.Tensor


def at(value: Tensor, index: int) -> Tensor:
    """Return the value at step `index` >= 0 of the chunk."""
    return value[min(index, value.size(0) - 1)]


def extended(value: Tensor, rows: int) -> Tensor:
    """Return `value` [n, ...] with `rows` >= n rows."""
    missing = rows - value.size(0)
    return torch.cat([value, value[-1:].expand(missing, *value.shape[1:])]) if missing else value
