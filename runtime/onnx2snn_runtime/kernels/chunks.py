"""Values over a chunk of time: [n, ...], n rows for the first n steps; the last row stands for the steps that follow.

A population that has settled before the chunk ends gives fewer rows than the chunk has steps, and what is computed from
its values is computed for these rows alone.
"""

import torch

Tensor = torch.Tensor


def at(value: Tensor, index: int) -> Tensor:
    """Return the value at step `index` >= 0 of the chunk."""
    return value[min(index, len(value) - 1)]


def extended(value: Tensor, rows: int) -> Tensor:
    """Return `value` [n, ...] with `rows` >= n rows."""
    missing = rows - len(value)
    return torch.cat([value, value[-1:].expand(missing, *value.shape[1:])]) if missing else value
