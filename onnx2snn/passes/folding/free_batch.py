"""Frees the batch axis of a graph that was exported with a fixed one, where that is right.

    x: float[1, 3, 8, 8], Reshape(y, [1, 192])   ->  x: float[batch, 3, 8, 8], Reshape(y, [0, 192])

Whether it is right is tried out: two samples together must give what they give apart. Otherwise the batch size is
kept, and the runtime fills batches up to it.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

from onnx2snn.passes.base import Work
from onnx2snn.reference.ann import Ann
from onnx2snn_runtime.errors import Onnx2SnnError

AXIS = "batch"


def free_batch(work: Work) -> int:
    """Make the batch axis symbolic, or set `work.batch` to its size."""
    inputs = [value.type.tensor_type for value in work.model.graph.input]
    sizes = {t.shape.dim[0].dim_value for t in inputs if t.HasField("shape") and t.shape.dim}
    mixed = 0 in sizes  # inputs of a free batch beside those of a fixed one
    sizes.discard(0)
    if len(sizes) != 1 or any(not t.HasField("shape") or not t.shape.dim for t in inputs):
        return 0
    (size,) = sizes
    freed = onnx.ModelProto()
    freed.CopyFrom(work.model)
    _rewrite(freed, size)
    try:
        if _agrees(work.model, freed, size):
            work.model = shape_inference.infer_shapes(freed, data_prop=True)
            return 1
    except (Onnx2SnnError, shape_inference.InferenceError):
        pass  # the rewritten graph does not hold for other batch sizes: keep the one it has
    if mixed:
        return 0
    work.batch = size
    work.warnings.append(f"the graph is fixed to a batch of {size}: other numbers of samples are filled up to it")
    return 0


def _rewrite(model: onnx.ModelProto, size: int) -> None:
    shapes = {v.name: v.type.tensor_type.shape.dim for v in (*model.graph.value_info, *model.graph.input)}
    batched = {name for name, dims in shapes.items() if dims and dims[0].dim_value == size}
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    merged: set[str] = set()  # values of which the first axis is samples by heads
    for node in model.graph.node:
        if node.op_type != "Reshape" or node.input[1] not in constants:
            if merged.intersection(node.input):
                merged.update(set(node.output) - batched)
            continue
        shape = numpy_helper.to_array(constants[node.input[1]]).copy()
        if not shape.size or shape[0] < size or shape[0] % size:
            continue
        if node.input[0] in batched and shape[0] == size:
            shape[0] = 0
        elif (node.input[0] in batched or node.input[0] in merged) and -1 not in shape:
            merged.update(node.output if shape[0] > size else ())
            shape[0] = -1
        else:
            continue
        name = f"{node.output[0]}.shape"
        model.graph.initializer.append(numpy_helper.from_array(shape, name))
        node.input[1] = name
    for value in (*model.graph.input, *model.graph.output):
        dims = value.type.tensor_type.shape.dim
        if dims and dims[0].dim_value == size:
            dims[0].dim_param = AXIS
    del model.graph.value_info[:]


def _agrees(model: onnx.ModelProto, freed: onnx.ModelProto, size: int) -> bool:
    """Return whether the freed graph gives for two batches at once what the model gives for each."""
    rng = np.random.default_rng(0)
    first, second = (_sample(model, rng, size) for _ in range(2))
    both = {name: np.concatenate([first[name], second[name]]) for name in first}
    apart = [Ann(model)(part) for part in (first, second)]
    together = Ann(freed)(both)
    for name, value in together.items():
        if not value.ndim or value.shape[0] != 2 * size:
            return False
        expected = np.concatenate([apart[0][name], apart[1][name]])
        if value.shape != expected.shape or not np.allclose(value, expected, rtol=1e-3, atol=1e-4, equal_nan=True):
            return False
    return True


def _sample(model: onnx.ModelProto, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
    made = {}
    for value in model.graph.input:
        tensor = value.type.tensor_type
        kind = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        shape = [size, *(d.dim_value or 4 for d in tensor.shape.dim[1:])]
        floats = rng.standard_normal(shape)
        made[value.name] = floats.astype(kind) if kind.kind == "f" else rng.integers(0, 2, shape).astype(kind)
    return made
