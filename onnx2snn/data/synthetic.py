"""Generates random inputs from a model's signature, if there are no sample data; accuracy is not to be expected."""

from collections.abc import Collection

import numpy as np
import onnx
from onnx import helper

from onnx2snn_runtime.ir.batch import BatchAxes, axes_of
from onnx2snn_runtime.ir.operators import facts

SAMPLES = 16
GUESS = 16
"""The size used for an unknown dimension."""


def synthetic_inputs(
    model: onnx.ModelProto,
    seed: int = 0,
    samples: int = SAMPLES,
    axes: BatchAxes | None = None,
    guess: int = GUESS,
    *,
    without: Collection[str] = (),
) -> dict[str, np.ndarray]:
    """Return random inputs by name: normal floats, and integers below the size of the table they look up.

    `samples` lie along `axes`, for a model that takes one a call along a new first axis; `guess` stands in for other
    unknown dimensions. Inputs named in `without` are left out.
    """
    rng = np.random.default_rng(seed)
    axes = axes_of(model) if axes is None else axes
    weights = {tensor.name for tensor in model.graph.initializer}
    made = {}
    for value in model.graph.input:
        if value.name in weights or value.name in without:
            continue
        tensor = value.type.tensor_type
        kind = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        shape = _shape([max(0, d.dim_value) or guess for d in tensor.shape.dim], value.name, samples, axes)
        if kind.kind == "f":
            made[value.name] = rng.standard_normal(shape).astype(kind)
        elif kind.kind == "b":
            made[value.name] = np.ones(shape, bool)
        else:
            made[value.name] = rng.integers(0, _vocabulary(model, value.name), shape).astype(kind)
    return made


def _shape(dims: list[int], name: str, samples: int, axes: BatchAxes) -> list[int]:
    if axes.single:
        return [samples, *dims] if dims else []
    axis = axes.along(name, len(dims))
    return dims if axis is None else [*dims[:axis], samples, *dims[axis + 1 :]]


def _vocabulary(model: onnx.ModelProto, name: str) -> int:
    """Return the rows of the first table that the integer input `name` looks up, 2 where there is none."""
    rows = {tensor.name: tensor.dims[0] for tensor in model.graph.initializer if len(tensor.dims) > 1}
    reached = {name}
    for node in model.graph.node:
        if node.op_type == "Gather" and node.input[0] in rows and node.input[1] in reached:
            return int(rows[node.input[0]])
        if facts(node.op_type, node.domain).affine in ("t", "tc") and node.input[0] in reached:  # moves its operand
            reached.update(node.output)
    return 2
