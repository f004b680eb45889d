"""Operators that only rearrange an operand: reshape, transpose, slice, join, split."""

import torch
from torch import Tensor

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import Declared, Ints, operator

OPERATORS: Declared = {
    "Concat": {"affine": "t*", "after_readout": True, "copies": True},
    "DepthToSpace SpaceToDepth": {"affine": "t", "batched": True, "copies": True},
    "Expand Reshape Split Squeeze Tile Unsqueeze": {"affine": "tc", "after_readout": True, "copies": True},
    "Flatten Transpose": {"affine": "t", "after_readout": True, "copies": True},
    "Identity": {"affine": "t", "elementwise": True, "after_readout": True, "copies": True},
    "Shape Size": {"shape_only": True},
    "Slice": {"affine": "tcccc", "after_readout": True, "copies": True},
}


@operator("Identity")
def identity(x: Tensor) -> Tensor:
    """y = x."""
    return x


@operator("Reshape")
def reshape(x: Tensor, shape: Ints, *, allowzero: int = 0, consumed_inputs: list[int] | None = None) -> Tensor:
    """y = x as `shape`; one -1 is inferred, and a 0 keeps the axis of x unless `allowzero`."""
    target = [n or (0 if allowzero else x.shape[i]) for i, n in enumerate(shape)]
    return x.reshape(tuple(target))


@operator("Flatten")
def flatten(x: Tensor, *, axis: int = 1) -> Tensor:
    """y = x as a matrix: the axes before `axis`, and those from it on."""
    axis = axis + x.ndim if axis < 0 else axis
    return x.reshape(x.shape[:axis].numel(), x.shape[axis:].numel())


@operator("Squeeze")
def squeeze(x: Tensor, axes: Ints | None = None) -> Tensor:
    """y = x without the axes `axes` of size 1, without all of size 1 where there are none."""
    return x.squeeze() if axes is None else x.squeeze(tuple(axes))


@operator("Unsqueeze")
def unsqueeze(x: Tensor, axes: Ints) -> Tensor:
    """y = x with new axes of size 1 at the places `axes` of the result."""
    for axis in sorted(axis % (x.ndim + len(axes)) for axis in axes):
        x = x.unsqueeze(axis)
    return x


@operator("Transpose")
def transpose(x: Tensor, *, perm: list[int] | None = None) -> Tensor:
    """y = x with its axes in the order `perm`, reversed where there is none."""
    return x.permute(perm if perm is not None else list(reversed(range(x.ndim))))


@operator("Slice")
def slice_(x: Tensor, starts: Ints, ends: Ints, axes: Ints | None = None, steps: Ints | None = None) -> Tensor:
    """y = x[starts:ends:steps] along `axes`; a negative step runs backwards."""
    chosen = axes if axes is not None else range(len(starts))
    for start, end, axis, step in zip(starts, ends, chosen, steps or [1] * len(starts), strict=True):
        taken = range(*slice(start, end, step).indices(x.shape[axis]))
        if step < 0:  # torch has no negative steps
            taken = taken[::-1]
        index: list[slice] = [slice(None)] * x.ndim
        index[axis] = slice(taken.start, max(taken.stop, taken.start), taken.step)
        x = x[tuple(index)]
        x = x.flip(axis) if step < 0 else x
    return x


@operator("Concat")
def concat(*data: Tensor, axis: int = 1) -> Tensor:
    """y = the operands joined along `axis`."""
    return torch.cat(data, axis)


@operator("Split")
def split(
    x: Tensor, split: Ints | None = None, *, axis: int = 0, num_outputs: int | None = None, outputs: int = 1
) -> tuple[Tensor, ...]:
    """y = x cut along `axis` into pieces of sizes `split`; without it into equal ones, the last one smaller."""
    if split is None:
        count = num_outputs or outputs
        size, whole = -(-x.shape[axis] // count), x.shape[axis]
        split = [min(size, max(whole - i * size, 0)) for i in range(count)]
    return torch.split(x, list(split), axis)


@operator("Expand")
def expand(x: Tensor, shape: Ints) -> Tensor:
    """y = x broadcast to `shape`, where either may hold ones."""
    wanted = (1,) * (x.ndim - len(shape)) + tuple(shape)
    own = (1,) * (len(wanted) - x.ndim) + tuple(x.shape)
    return x.expand([n if m == 1 else m for n, m in zip(own, wanted, strict=True)])  # broadcast_shapes imports sympy


@operator("Tile", since=6)
def tile(x: Tensor, repeats: Ints) -> Tensor:
    """y = x repeated `repeats` times along each axis."""
    return x.repeat(tuple(repeats))


@operator("Tile")
def tile_axis(x: Tensor, tiles: Ints, axis: Ints) -> Tensor:
    """y = x repeated `tiles` times along `axis` (opset 1)."""
    return x.repeat(*[tiles[0] if i == axis[0] % x.ndim else 1 for i in range(x.ndim)])


def _blocks(mode: str, name: str) -> bool:
    if mode not in ("DCR", "CRD"):
        raise UnsupportedError(f"{name} with mode={mode!r} is not supported: only DCR and CRD are defined")
    return mode == "DCR"


@operator("DepthToSpace")
def depth_to_space(x: Tensor, *, blocksize: int, mode: str = "DCR") -> Tensor:
    """y = x (N, C b b, H, W) as (N, C, H b, W b); the depth is (b, b, C) in mode DCR, (C, b, b) in mode CRD."""
    n, c, h, w = x.shape
    if _blocks(mode, "DepthToSpace"):
        y = x.reshape(n, blocksize, blocksize, -1, h, w).permute(0, 3, 4, 1, 5, 2)
    else:
        y = x.reshape(n, -1, blocksize, blocksize, h, w).permute(0, 1, 4, 2, 5, 3)
    return y.reshape(n, c // blocksize**2, h * blocksize, w * blocksize)


@operator("SpaceToDepth")
def space_to_depth(x: Tensor, *, blocksize: int, mode: str = "DCR") -> Tensor:
    """y = x (N, C, H, W) as (N, C b b, H / b, W / b); the depth is (b, b, C) in mode DCR, (C, b, b) in mode CRD."""
    n, c, h, w = x.shape
    y = x.reshape(n, c, h // blocksize, blocksize, w // blocksize, blocksize)
    y = y.permute(0, 3, 5, 1, 2, 4) if _blocks(mode, "SpaceToDepth") else y.permute(0, 1, 3, 5, 2, 4)
    return y.reshape(n, c * blocksize**2, h // blocksize, w // blocksize)


@operator("Shape")
def shape(x: Tensor, *, start: int = 0, end: int | None = None) -> Tensor:
    """y = the shape of x from axis `start` to axis `end`, on the host."""
    return torch.tensor(list(x.shape)[slice(start, end)], dtype=torch.int64)


@operator("Size")
def size(x: Tensor) -> Tensor:
    """y = the number of elements of x, on the host."""
    return torch.tensor(x.numel(), dtype=torch.int64)
