"""Puts one time step together: the graph of the IR, in which every neuron is its function and its update law."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnx2snn.export.steps.laws import DOMAIN, Law
from onnx2snn.reference.guarded import infer_shapes, inline
from onnx2snn_runtime.ir.schema import DOMAIN as NEURONS
from onnx2snn_runtime.ir.schema import PREFIX, is_neuron, opset_of

STEP = "t"


@dataclass
class Parts:
    """What one step is made of: the model so far, and what is known of its states."""

    model: onnx.ModelProto
    kind: int
    states: list[dict[str, str]]
    timed: bool = False

    @property
    def graph(self) -> onnx.GraphProto:
        """The graph of the model."""
        return self.model.graph

    def constant(self, name: str, value: Any) -> str:
        """Add the constant `value`, floats in the type of the file, and return its name."""
        array = np.asarray(value)
        if array.dtype.kind == "f":
            array = array.astype(helper.tensor_dtype_to_np_dtype(self.kind))
        if all(tensor.name != name for tensor in self.graph.initializer):
            self.graph.initializer.append(numpy_helper.from_array(array, name))
        return name


def assemble(ir: onnx.ModelProto, laws: dict[str, Law], kind: int, inputs: Mapping[str, bool] | None = None) -> Parts:
    """Return one time step of `ir`, a plain ONNX model; `laws` are those of the neurons by their output.

    Under dynamics that rectify the law is given the neuron's input, otherwise the value of its function: `inputs` are
    such neurons, with whether the function changes the shape of what it rectifies.
    """
    model = onnx.ModelProto()
    model.CopyFrom(ir)
    shapes = _shapes(ir)
    parts = Parts(model, kind, [])
    del model.metadata_props[:]
    nodes = list(model.graph.node)
    del model.graph.node[:]
    for node in nodes:
        if is_neuron(node):
            _write(parts, node, laws[node.output[0]], shapes.get(node.output[0]), (inputs or {}).get(node.output[0]))
        else:
            model.graph.node.append(node)
    functions = {law.name: law for law in laws.values()}
    model.functions.extend(law.proto(opset_of(model)) for law in functions.values())
    model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    parts.model = inline(model)
    kept = [o for o in parts.model.opset_import if o.domain not in (DOMAIN, NEURONS)]
    del parts.model.opset_import[:]
    parts.model.opset_import.extend(kept)
    del parts.model.functions[:]
    return parts


def _shapes(ir: onnx.ModelProto) -> dict[str, onnx.TypeProto]:
    """Return the types of the values of the plain network, where they are known."""
    plain = inline(ir)
    found = infer_shapes(plain, data_prop=True)
    return {value.name: value.type for value in (*found.graph.value_info, *found.graph.output)}


def _write(parts: Parts, node: onnx.NodeProto, law: Law, known: onnx.TypeProto | None, reshapes: bool | None) -> None:
    """Write the neuron `node`: its function, unless its input does, and the law that moves its states.

    `reshapes` is None where the law takes the value of the function, else whether the input needs the shape of that.
    """
    output, graph = node.output[0], parts.graph
    target = node.input[0]
    if reshapes is not False:
        target = f"{output}/target"
        graph.node.append(helper.make_node(node.op_type, node.input, [target], f"{output}/function", domain=NEURONS))
    if reshapes:
        shape, target = f"{output}/shape", f"{output}/input"
        graph.node.append(helper.make_node("Shape", [f"{output}/target"], [shape], shape))
        graph.node.append(helper.make_node("Reshape", [node.input[0], shape], [target], target))
    states = {"population": node.name or output, "spike": f"spike.{output}"}
    given, made = [target], [states["spike"]]
    for state in law.states:
        before, after = f"{state}.{output}", f"{state}_next.{output}"
        states |= {f"{state}": before, f"{state}_next": after}
        given.append(before)
        made.append(after)
        for port, name in ((graph.input, before), (graph.output, after)):
            port.append(_typed(name, parts.kind, known))
    graph.output.append(_typed(states["spike"], parts.kind, known))
    for name, value in law.constants.items():
        given.append(
            parts.constant(f"{output}/{name}" if value.size > 1 or name == "scale" else _shared(name, value), value)
        )
    for name, value in law.over_time.items():
        given.append(_present(parts, output, name, value))
    graph.node.append(helper.make_node(law.name, given, made, f"{output}/step", domain=DOMAIN))
    graph.node.append(helper.make_node("Identity", [f"v_next.{output}"], [output], f"{output}/next"))
    parts.states.append(states)


def _shared(name: str, value: np.ndarray) -> str:
    return f"{name}={value.item():.17g}"


def _present(parts: Parts, output: str, name: str, value: np.ndarray) -> str:
    """Return the name of what a constant over time is in the present step."""
    graph, index = parts.graph, f"{STEP}/index"
    if not parts.timed:
        parts.timed = True
        graph.input.append(helper.make_tensor_value_info(STEP, onnx.TensorProto.INT64, []))
        graph.node.append(helper.make_node("Sub", [STEP, parts.constant("t/one", np.int64(1))], [index], "t/index"))
    table = parts.constant(f"{output}/{name}", value)
    present = f"{output}/{name}_now"
    graph.node.append(helper.make_node("Gather", [table, index], [present], present))
    return present


def _typed(name: str, kind: int, known: onnx.TypeProto | None) -> onnx.ValueInfoProto:
    value = helper.make_tensor_value_info(name, kind, None)
    if known is not None and known.tensor_type.HasField("shape"):
        value.type.tensor_type.shape.CopyFrom(known.tensor_type.shape)
    return value


def describe(parts: Parts, facts: dict[str, Any]) -> None:
    """Write what a user of the file has to know into its metadata."""
    import json

    entries = {f"{PREFIX}step.{key}": json.dumps(value) for key, value in {**facts, "states": parts.states}.items()}
    helper.set_model_props(parts.model, entries)
