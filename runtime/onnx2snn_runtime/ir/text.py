"""The text form of a spiking IR model, one line per node, for reading and for golden tests."""

import onnx
from onnx import helper, numpy_helper

from onnx2snn_runtime.ir.recurrence import body_of, is_rolled, wiring_of
from onnx2snn_runtime.ir.schema import functions_of, is_neuron, read_defaults, read_neuron


def to_text(model: onnx.ModelProto) -> str:
    """Return `model` as text: defaults, inputs, nodes in order, outputs, then the functions of its neurons.

    >>> %y = SpikingRelu(%x) [scale 4, levels 12, mantissa 1]
    """
    d = read_defaults(model)
    lines = [f"snn {model.graph.name} (dynamics {d.dynamics}, encoder {d.encoder}, T {d.timesteps})"]
    lines += [f"  input %{value.name}{_shape(value)}" for value in model.graph.input]
    lines += [line for node in model.graph.node for line in _lines(node)]
    lines += [f"  output %{value.name}" for value in model.graph.output]
    for function in functions_of(model).values():
        lines.append(f"function {function.name}({', '.join('%' + n for n in function.input)}) -> %{function.output[0]}")
        lines += ["  " + _node(node) for node in function.node]
    return "\n".join(lines) + "\n"


def _lines(node: onnx.NodeProto) -> list[str]:
    """Return a node, and the body of a recurrence: what it carries, scans and stacks, and its nodes."""
    lines = ["  " + _node(node)]
    if is_rolled(node):
        wiring = wiring_of(node)
        lines += [f"    carries %{inner} <- %{new}, at first %{first}" for inner, new, first, _ in wiring.carried]
        lines += [f"    scans %{inner} of %{outer}" for inner, outer, *_ in wiring.scanned]
        lines += [f"    stacks %{inner} as %{outer}" for inner, outer, *_ in wiring.stacked]
        lines += ["  " + line for inner in body_of(node).node for line in _lines(inner)]
    return lines


def _node(node: onnx.NodeProto) -> str:
    outputs = ", ".join("%" + name for name in node.output if name)
    inputs = ", ".join("%" + name if name else "-" for name in node.input)
    return f"{outputs} = {node.op_type}({inputs}){_neuron(node) if is_neuron(node) else _attributes(node)}"


def _neuron(node: onnx.NodeProto) -> str:
    p = read_neuron(node)
    scale = f"{p.scale.item():g}" if p.scale.size == 1 else "x".join(map(str, p.scale.shape))
    sources = f"sources {p.sources}, " if p.sources > 1 else ""
    zone = f", dead zone {p.dead_zone:g}" if p.dead_zone else ""
    gradual = ", gradual" if p.gradual else ""
    return f" [{sources}scale {scale}, levels {p.levels}, mantissa {p.mantissa}{gradual}{zone}]"


def _attributes(node: onnx.NodeProto) -> str:
    kept = [a for a in node.attribute if a.type != onnx.AttributeProto.GRAPH]
    shown = [f"{a.name} {_value(helper.get_attribute_value(a))}" for a in kept]
    return f" [{', '.join(shown)}]" if shown else ""


def _value(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, onnx.TensorProto):
        array = numpy_helper.to_array(value)
        return array.item() if array.size == 1 else f"tensor{list(array.shape)}"
    return value if isinstance(value, int | float | list) else type(value).__name__


def _shape(value: onnx.ValueInfoProto) -> str:
    dims = value.type.tensor_type.shape.dim
    return f"[{', '.join(d.dim_param or str(d.dim_value) for d in dims)}]"
