"""Puts a neuron of the identity where real numbers would meet integer weights: what it sends lies on a grid.

m = GlobalAveragePool(h) over 7 x 7; y = Gemm(m, w)  ->  r = onnx2snn.SpikingIdentity(m) [sources 1]; y = Gemm(r, w)

What a population sends is a whole multiple of a power of two, and stays one where it is moved, added up, or divided by
a power of two. It is one no longer behind weights, whose channels have scales of their own, and behind other factors:
the mean of 49 values. Which factors they are is tried out, node by node, on whole numbers.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper

from onnx2snn.passes.base import Work
from onnx2snn.passes.neurons.relay_currents import factors, insert_relays
from onnx2snn.passes.rewriting.known_shapes import known_shapes
from onnx2snn.passes.rewriting.node_writer import Shape
from onnx2snn.reference.ann import Ann
from onnx2snn_runtime.errors import ModelError
from onnx2snn_runtime.ir.flow import analyse
from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.ir.schema import is_neuron

FINEST = 12
"""What is tried may divide by this power of two."""
FREE = 2
"""The size of axes that are free."""


def relay_reals(work: Work) -> int:
    """Relay every real number that meets weights, where these become integers; outside of rolled recurrences."""
    if not work.integer:
        return 0
    graph = work.model.graph
    floats = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
    coded = work.encoder != "direct"
    spiking = [v.name for v in graph.input if coded and v.type.tensor_type.elem_type in floats]
    varying = analyse(graph, spiking).varying
    return insert_relays(work, _reals(work.model, varying), lambda node: factors(node, varying, set()))


def _reals(model: onnx.ModelProto, varying: frozenset[str]) -> set[str]:
    """Return the values that vary and may be off every grid."""
    shapes, _ = known_shapes(model)
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    opsets = [o for o in model.opset_import if o.domain in ("", "ai.onnx")]
    found: set[str] = set()
    for node in model.graph.node:
        moved = [name for name in node.input if name in varying]
        if is_neuron(node) or not moved:
            continue
        known = facts(node.op_type, node.domain)
        on_grid = not found.intersection(moved) and not known.weighted
        if not on_grid or not (known.copies or known.sums or _divides_evenly(node, moved, shapes, held, opsets)):
            found.update(name for name in node.output if name in varying)
    return found


def _divides_evenly(
    node: onnx.NodeProto,
    moved: list[str],
    shapes: dict[str, Shape],
    held: dict[str, TensorProto],
    opsets: list[onnx.OperatorSetIdProto],
) -> bool:
    """Return whether `node` makes multiples of a power of two of whole numbers; no, where it cannot be tried."""
    others = [name for name in node.input if name and name not in moved]
    if any(name not in shapes for name in moved) or any(name not in held for name in others):
        return False
    draw = np.random.default_rng(0)
    sizes = {name: [FREE if size is None else size for size in shapes[name]] for name in moved}
    inputs = {name: draw.integers(-8, 9, size).astype(np.float32) for name, size in sizes.items()}
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in sizes.items()]
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
    graph = helper.make_graph([node], "tried", ports, outputs, [held[name] for name in dict.fromkeys(others)])
    try:
        made = Ann(helper.make_model(graph, opset_imports=opsets, ir_version=8))(inputs).values()
    except ModelError:  # it does not fit sizes that were made up
        return False
    scaled = [np.asarray(value, np.float64) * 2.0**FINEST for value in made]
    return all(np.array_equal(value, np.rint(value)) for value in scaled)
