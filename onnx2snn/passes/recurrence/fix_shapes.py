"""Fixes free axes of the inputs: those that were asked for, and those without which the model cannot be converted.

x: float[n, t, 4], shape (0, 5, 4)  ->  x: float[n, 5, 4]

A recurrence of unknown length, or a branch on a free axis, can be unrolled once the axis has a size; where none was
asked for the calibration data tell it. The axis that counts the samples stays free.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import onnx

from onnx2snn.passes.base import Work
from onnx2snn.passes.folding.batch_candidates import Candidate, candidates, dimensions, real_inputs
from onnx2snn.passes.folding.fold_constants import fold_constants
from onnx2snn.passes.recurrence.unroll_recurrence import RECURRENT, obstacles
from onnx2snn.reference.guarded import inline
from onnx2snn_runtime.errors import InputError, Onnx2SnnError


def fix_shapes(work: Work) -> int:
    """Fix the axes in `work.shapes`, and what the calibration data tell where that is needed; return their number."""
    fixed = sum(_fix(work.model, name, shape) for name, shape in work.shapes.items())
    return fixed + _fix_by_data(work)


def _fix(model: onnx.ModelProto, name: str, shape: Sequence[int]) -> int:
    """Give the free axes of the input `name`, and those of the same symbols, the sizes `shape` (0: as it is)."""
    inputs = {value.name: value for value in real_inputs(model)}
    if name not in inputs:
        raise InputError(f"there is no input {name!r} to fix the shape of: there are {', '.join(inputs)}")
    value, dims = inputs[name], dimensions(inputs[name])
    if dims is not None and len(dims) != len(shape):
        raise InputError(f"the shape {tuple(shape)} of {name!r} has {len(shape)} axes, the model's input {len(dims)}")
    if dims is None:
        for _ in shape:
            value.type.tensor_type.shape.dim.add()
        dims = dimensions(value) or []
    fixed = 0
    for axis, (dimension, size) in enumerate(zip(dims, shape, strict=True)):
        if dimension.size and size not in (0, dimension.size):
            raise InputError(f"axis {axis} of {name!r} is fixed to {dimension.size}, and cannot be {size}")
        if size and not dimension.size:
            value.type.tensor_type.shape.dim[axis].dim_value = size
            fixed += 1 + _fix_symbol(model, dimension.symbol, size)
    return fixed


def _fix_symbol(model: onnx.ModelProto, symbol: str, size: int) -> int:
    """Give every dimension called `symbol` the `size`."""
    ports = (*model.graph.input, *model.graph.output)
    same = [d for v in ports for d in v.type.tensor_type.shape.dim if symbol and d.dim_param == symbol]
    for dimension in same:
        dimension.dim_value = size
    return len(same)


def _fix_by_data(work: Work) -> int:
    """Fix the free axes, but for that of the samples, where recurrences and branches cannot be unrolled without."""
    if not any(node.op_type in RECURRENT for node in work.model.graph.node) or not work.samples:
        return 0
    likely = next(iter(candidates(work.model, work.batch_axes, work.samples)), Candidate({}))
    shapes = dict(_told(work, likely))
    before = len(_in_the_way(work)) if shapes else 0
    if not before:
        return 0
    tried = replace(work, model=onnx.ModelProto(), warnings=[])
    tried.model.CopyFrom(work.model)
    fixed = sum(_fix(tried.model, name, shape) for name, shape in shapes.items())
    if len(_in_the_way(tried)) >= before:
        return 0
    work.model = tried.model
    told = "; ".join(f"{name} ({', '.join(str(n) if n else 'any' for n in shape)})" for name, shape in shapes.items())
    work.warnings.append(
        f"free axes were fixed as the calibration data have them, to unroll what depends on them: {told}"
    )
    return fixed


def _told(work: Work, likely: Candidate) -> Mapping[str, list[int]]:
    """Return the shapes that the data tell, by input name: 0 for axes that are fixed or count samples."""
    found = {}
    for value in real_inputs(work.model):
        dims, data = dimensions(value), work.samples.get(value.name)
        if dims is None or data is None or data.ndim != len(dims):
            continue
        axis = likely.axes.get(value.name)
        shape = [0 if d.size or i == axis else data.shape[i] for i, d in enumerate(dims)]
        if any(shape):
            found[value.name] = shape
    return found


def _in_the_way(work: Work) -> list[str]:
    """Return what stands in the way of unrolling."""
    copy = replace(work, model=onnx.ModelProto(), warnings=[])
    copy.model.CopyFrom(work.model)
    try:
        if copy.model.functions:
            copy.model = inline(copy.model)
        fold_constants(copy)
        return obstacles(copy)
    except Onnx2SnnError:
        return []  # something else is wrong, and is told elsewhere
