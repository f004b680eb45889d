"""Templates of operators that move, join and choose elements."""

import numpy as np

from tests.fuzz.growing import Growing, Misfit
from tests.fuzz.operators import template


def _divisors(g: Growing, total: int) -> list[int]:
    """Return sizes whose product is `total`, in one to three axes."""
    sizes = []
    for _ in range(int(g.draw.integers(0, 3))):
        size = g.choose(*[k for k in range(1, total + 1) if total % k == 0])
        sizes.append(size)
        total //= size
    return [*sizes, total]


@template("Reshape")
def _reshape(g: Growing) -> object:
    x = g.pick()
    sizes = _divisors(g, int(np.prod(x.sizes, dtype=int)))
    front = g.choose(0, -1)
    return g.add("Reshape", [x, g.integers(front, *sizes)])


@template("Flatten")
def _flatten(g: Growing) -> object:
    return g.add("Flatten", [g.pick(2)], axis=1)


@template("Transpose")
def _transpose(g: Growing) -> object:
    x = g.pick(3)
    return g.add("Transpose", [x], perm=[0, *(1 + g.draw.permutation(len(x.shape) - 1)).tolist()])


def _axes(g: Growing, name: str, rank: int, axes: list[int], x: object) -> object:
    return g.add(name, [x], axes=axes) if g.opset < 13 else g.add(name, [x, g.integers(*axes)])


@template("Squeeze")
def _squeeze(g: Growing) -> object:
    x = g.pick(2)
    ones = [i + 1 for i, size in enumerate(x.sizes) if size == 1]
    if not ones:
        raise Misfit
    return _axes(g, "Squeeze", len(x.shape), [g.choose(*ones)], x)


@template("Unsqueeze")
def _unsqueeze(g: Growing) -> object:
    x = g.pick(1, 4)
    return _axes(g, "Unsqueeze", len(x.shape), [int(g.draw.integers(1, len(x.shape) + 1))], x)


@template("Concat")
def _concat(g: Growing) -> object:
    x = g.pick(2)
    return g.add("Concat", [x, *[g.like(x) for _ in range(int(g.draw.integers(1, 3)))]], axis=len(x.shape) - 1)


@template("Split")
def _split(g: Growing) -> object:
    x = g.pick(2)
    axis = int(g.draw.integers(1, len(x.shape)))
    size = x.shape[axis]
    if not isinstance(size, int) or size < 2:
        raise Misfit
    first = int(g.draw.integers(1, size))
    if g.opset < 13:
        return g.add("Split", [x], 2, axis=axis, split=[first, size - first])
    return g.add("Split", [x, g.integers(first, size - first)], 2, axis=axis)


@template("Slice")
def _slice(g: Growing) -> object:
    x = g.pick(2)
    axis = int(g.draw.integers(1, len(x.shape)))
    size = int(x.shape[axis])
    start = int(g.draw.integers(0, size))
    end = int(g.draw.integers(start + 1, size + 1))
    if g.opset < 10:
        return g.add("Slice", [x], axes=[axis], starts=[start], ends=[end])
    if g.chance(0.2):
        return g.add("Slice", [x, g.integers(-1), g.integers(-size - 1), g.integers(axis), g.integers(-1)])
    return g.add("Slice", [x, g.integers(start), g.integers(end), g.integers(axis), g.integers(g.choose(1, 2))])


@template("Gather")
def _gather(g: Growing) -> object:
    x = g.pick(2)
    axis = int(g.draw.integers(1, len(x.shape)))
    chosen = g.draw.integers(0, int(x.shape[axis]), g.choose((), (1,), (3,)))
    return g.add("Gather", [x, g.constant(chosen, np.int64)], axis=axis)


@template("Pad")
def _pad(g: Growing) -> object:
    x = g.pick(2)
    pads = [[0, *[int(g.draw.integers(0, min(2, size))) for size in x.sizes]] for _ in range(2)]
    mode = g.choose("constant", "reflect", "edge")
    if g.opset < 11:
        return g.add("Pad", [x], pads=pads[0] + pads[1], mode=mode)
    extra = [g.constant(0.5)] if mode == "constant" and g.chance(0.5) else []
    return g.add("Pad", [x, g.integers(*pads[0], *pads[1]), *extra], mode=mode)


@template("Tile")
def _tile(g: Growing) -> object:
    x = g.pick(2)
    return g.add("Tile", [x, g.integers(1, *[int(g.draw.integers(1, 3)) for _ in x.sizes])])


@template("Expand")
def _expand(g: Growing) -> object:
    x = g.pick(2)
    sizes = [g.choose(2, 3) if size == 1 else size for size in x.sizes]
    return g.add("Expand", [x, g.integers(1, *sizes)])


@template("DepthToSpace")
def _depth_to_space(g: Growing) -> object:
    x = g.pick(4, 4)
    wide = g.add("Concat", [x, x, x, x], axis=1)[0]
    return g.add("DepthToSpace", [wide], blocksize=2, **({"mode": g.choose("DCR", "CRD")} if g.opset > 10 else {}))


@template("SpaceToDepth")
def _space_to_depth(g: Growing) -> object:
    x = g.pick(4, 4)
    wide = g.add("Concat", [g.add("Concat", [x, x], axis=2)[0]] * 2, axis=3)[0]
    return g.add("SpaceToDepth", [wide], blocksize=2)


@template("Trilu")
def _trilu(g: Growing) -> object:
    return g.add("Trilu", [g.pick(3)], upper=g.choose(0, 1))


@template("Dropout")
def _dropout(g: Growing) -> object:
    return g.add("Dropout", [g.pick()])


@template("GatherElements")
def _gather_elements(g: Growing) -> object:
    x = g.pick(2, 3)
    order = g.add("TopK", [x, g.integers(x.sizes[-1])], 2, axis=len(x.shape) - 1)[1]
    return g.add("GatherElements", [x, order], axis=len(x.shape) - 1)


@template("Shape")
def _there_and_back(g: Growing) -> object:
    x = g.pick(2)
    same = g.hidden("Shape", [x])[0]
    flat = g.add("Reshape", [x, g.integers(0, -1)])[0]
    return g.add("Reshape", [g.add("Neg", [flat])[0], same])


@template("Compress")
def _compress(g: Growing) -> object:
    x = g.pick(2)
    keep = g.draw.random(x.sizes[-1]) < 0.6
    keep[0] = True
    chosen = g.hidden("Compress", [x, g.constant(keep, bool)], axis=len(x.shape) - 1)[0]
    return g.add("Reshape", [chosen, g.integers(0, *x.sizes[:-1], int(keep.sum()))])


@template("CenterCropPad")
def _centre(g: Growing) -> object:
    x = g.pick(2)
    return g.add("CenterCropPad", [x, g.integers(int(g.draw.integers(1, 7)))], axes=[len(x.shape) - 1])


@template("GridSample")
def _grid_sample(g: Growing) -> object:
    x = g.pick(4, 4)
    grid = g.hidden("Expand", [g.constant(g.draw.uniform(-1.2, 1.2, (1, 3, 2, 2))), _grid_shape(g, x)])[0]
    mode = g.choose("bilinear", "nearest") if g.opset < 20 else g.choose("linear", "nearest")
    out = g.hidden("GridSample", [x, grid], mode=mode, align_corners=g.choose(0, 1))[0]
    return g.add("Reshape", [out, g.integers(-1, x.sizes[0], 3, 2)])


def _grid_shape(g: Growing, x: object) -> str:
    first = g.hidden("Slice", [g.hidden("Shape", [x])[0], g.integers(0), g.integers(1)])[0]
    return g.hidden("Concat", [first, g.integers(3, 2, 2)], axis=0)[0]
