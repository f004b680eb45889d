"""Names regions by the function they compute, however an exporter wrote it (an analysis, nothing is rewritten).

x * (1 + erf(x / 1.414)),  x * (1 + tanh(.8 x + .036 x^3))  ->  Gelu
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from onnx import helper, numpy_helper

from onnx2snn.passes.neurons.classify_values import Classification
from onnx2snn.passes.neurons.group_regions import Region
from onnx2snn.passes.neurons.known_functions import recognise
from onnx2snn.passes.rewriting.graph_tools import to_proto, unique
from onnx2snn.reference import engine
from onnx2snn.reference.sessions import open_session
from onnx2snn_runtime.errors import ModelError

ANY = 16
"""The size used for a dynamic dimension."""


def name_region(
    region: Region, found: Classification, opsets: Sequence[onnx.OperatorSetIdProto], ir_version: int
) -> str | None:
    """Return the name of the function that `region` computes, None where it has none or its shapes are unknown.

    With as much of its linear front as adds no source, if that has a name: x / rms(x) of a centred x is a layer
    normalization.
    """
    for nodes in _extensions(region):
        sources, constants = _ports(nodes, found)
        if len(sources) > len(region.sources) or not all(isinstance(t, gs.Constant) for t in constants):
            continue
        shapes = [_shape(tensor) for tensor in sources]
        kinds = {np.dtype(t.dtype) if t.dtype is not None else None for t in sources}
        known = [shape for shape in shapes if shape is not None]
        if len(known) != len(shapes) or kinds != {np.dtype(np.float32)}:
            continue
        model = _model(nodes, sources, constants, region.output, opsets, ir_version)
        try:
            name = recognise(_evaluator(model), known)
        except engine.errors(ModelError):
            continue  # a size that stood in for any does not fit the constants: this region keeps its number
        if name is not None:
            return name
    return None


def _extensions(region: Region) -> Iterator[list[gs.Node]]:
    """Yield the region with all of its linear front, and with less and less of it."""
    for start in range(len(region.front) + 1):
        yield [*region.front[start:], *region.nodes]


def _ports(nodes: list[gs.Node], found: Classification) -> tuple[list[gs.Tensor], list[gs.Tensor]]:
    made = {id(t) for node in nodes for t in node.outputs}
    taken = unique(t for node in nodes for t in node.inputs if not t.is_empty() and id(t) not in made)
    return [t for t in taken if found.is_spiking(t)], [t for t in taken if not found.is_spiking(t)]


def _shape(tensor: gs.Tensor) -> tuple[int, ...] | None:
    if tensor.shape is None:
        return None
    return tuple(size if isinstance(size, int) and size > 0 else ANY for size in tensor.shape)


def _model(
    nodes: list[gs.Node],
    sources: list[gs.Tensor],
    constants: list[gs.Tensor],
    output: gs.Tensor,
    opsets: Sequence[onnx.OperatorSetIdProto],
    ir_version: int,
) -> onnx.ModelProto:
    inputs = [helper.make_tensor_value_info(t.name, onnx.TensorProto.FLOAT, None) for t in sources]
    held = [numpy_helper.from_array(np.asarray(t.values), t.name) for t in constants]
    result = helper.make_empty_tensor_value_info(output.name)
    graph = helper.make_graph([to_proto(node) for node in nodes], "region", inputs, [result], held)
    return helper.make_model(graph, opset_imports=list(opsets), ir_version=ir_version)


def _evaluator(model: onnx.ModelProto) -> Callable[[Sequence[np.ndarray]], np.ndarray]:
    session = open_session(model, threads=1)
    names = [value.name for value in model.graph.input]

    def evaluate(inputs: Sequence[np.ndarray]) -> np.ndarray:
        return np.asarray(session.run(None, dict(zip(names, inputs, strict=True)))[0])

    return evaluate
