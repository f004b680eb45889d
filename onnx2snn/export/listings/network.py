"""The lines of a network: inputs, nodes section by section, populations, and recurrences as loops over positions."""

from collections.abc import Iterable, Mapping
from typing import Any

import onnx

from onnx2snn.export.listings.buffers import Buffers
from onnx2snn.export.listings.names import Names
from onnx2snn.export.listings.nodes import HELPERS, NodeWriter, Scope, plain
from onnx2snn.export.listings.populations import PopulationWriter
from onnx2snn.export.listings.sources import Sources
from onnx2snn_runtime.dynamics.base import Neuron
from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.ir.flow import FLOATS, Flow, analyse
from onnx2snn_runtime.ir.recurrence import body_of, is_rolled, one_position, wiring_of
from onnx2snn_runtime.ir.schema import functions_of, is_neuron
from onnx2snn_runtime.program.interpreter import bind
from onnx2snn_runtime.program.program import Program

INDENT = "    "
SECTIONS = {
    "prologue": "what depends on the input alone",
    "loop": "populations, and synapses between them",
    "tail": "outputs",
    "readout": "what is computed on decoded values",
}
PLAIN_TYPES = {onnx.TensorProto.UINT16, onnx.TensorProto.UINT32, onnx.TensorProto.UINT64}


class NetworkWriter:
    """Writes the lines of one time step; afterwards `buffers`, `populations` and `sources` hold what they use."""

    def __init__(
        self, program: Program, model: onnx.ModelProto, settings: Settings, neurons: Mapping[str, Neuron]
    ) -> None:
        self.program, self.model, self.settings = program, model, settings
        self.opsets = {("" if o.domain == "ai.onnx" else o.domain): o.version for o in model.opset_import}
        names = Names({*HELPERS, "torch", "np", "nn", "Path", "Network", "DTYPE", "DYNAMICS", "ENCODER", "self"})
        self.sources = Sources(names)
        self.nodes = NodeWriter(self.sources, plain_types=not _has_wide_integers(model))
        self.buffers = Buffers(program.dtype)
        self.populations = PopulationWriter(
            self.nodes, self.buffers, neurons, functions_of(model), self.opsets, program.where,
            settings.dynamics.rectifies,
        )  # fmt: skip
        self.scope = Scope(names)
        self.arguments: list[str] = []
        self.described: list[str] = []
        self.shown = settings.dynamics.bias(1) != 1.0

    def lines(self) -> list[str]:
        """Return the lines of one time step, without indentation."""
        graph, spiking = self.model.graph, self.program.defaults.spiking_inputs
        self.buffers.hold(graph.initializer, self.scope)
        flow = analyse(one_position(self.model).graph, spiking)
        made = self._inputs(graph, spiking)
        for section, nodes in self._sections(graph.node, flow).items():
            made += [f"# {SECTIONS[section]}"] if nodes else []
            if section == "readout" and self.shown:
                made += self._decoded(flow)
            for node in nodes:
                made += self._node(node, section in ("loop", "tail") and self._varies(node, flow), ())
        if self.shown and not flow.readout:
            made += self._decoded(flow)
        return [*made, self._returned(graph)]

    def _bound(self, node: onnx.NodeProto) -> Any:
        return bind(node, self.opsets, where=self.program.where)

    def _inputs(self, graph: onnx.GraphProto, spiking: tuple[str, ...]) -> list[str]:
        held = {tensor.name for tensor in graph.initializer}
        made = []
        for value in graph.input:
            if value.name in held:
                continue
            text = self.scope.bind(value.name)
            self.scope.like = self.scope.like or text
            self.arguments.append(text)
            sizes = [d.dim_param or d.dim_value or "any" for d in value.type.tensor_type.shape.dim]
            self.described.append(f"{text} [{', '.join(map(str, sizes))}]")
            if value.type.tensor_type.elem_type in FLOATS:
                made.append(f"{text} = {text}.to(DTYPE)")
        for stream, name in enumerate(spiking):
            neuron = Neuron(float(self.program.defaults.input_scales.get(name, 1.0)), stream=stream)
            text = self.scope.texts[name]
            made.append(f'{text} = self.fire("{name}", {text}, {self.populations.parameters(neuron, name)}, ENCODER)')
        return made

    def _sections(self, nodes: Iterable[onnx.NodeProto], flow: Flow) -> dict[str, list[onnx.NodeProto]]:
        of = {name: section for section in SECTIONS for node in getattr(flow, section) for name in node.output if name}
        found: dict[str, list[onnx.NodeProto]] = {section: [] for section in SECTIONS}
        for node in nodes:
            section = "loop" if is_rolled(node) else of[next(filter(None, node.output))]
            found[section].append(node)
        return found

    def _varies(self, node: onnx.NodeProto, flow: Flow) -> bool:
        return is_rolled(node) or any(name in flow.varying for name in node.input)

    def _node(self, node: onnx.NodeProto, inside: bool, positions: tuple[str, ...]) -> list[str]:
        if is_rolled(node):
            return self._recurrence(node, positions)
        if is_neuron(node):
            return [self.populations.line(node, self.scope, positions)]
        return [self.nodes.line(self._bound(node), self.scope, inside)]

    def _recurrence(self, node: onnx.NodeProto, positions: tuple[str, ...]) -> list[str]:
        """Return a loop over positions, each of which has populations of its own."""
        wiring, body, scope = wiring_of(node), body_of(node), self.scope
        self.buffers.hold(body.initializer, scope)
        at = self.scope.names.new("position")
        _, outer, axis, _ = wiring.scanned[0]
        lines = [f"{scope.bind(inner)} = {scope.texts[initial]}" for inner, _, initial, _ in wiring.carried]
        stacks = [self.scope.names.new(f"all_{plain(inner)}") for inner, *_ in wiring.stacked]
        lines += [f"{name} = []" for name in stacks]
        lines.append(f"for {at} in range({scope.texts[outer]}.shape[{axis}]):")
        inside = []
        for inner, sequence, along, backwards in wiring.scanned:
            where, text = f"-1 - {at}" if backwards else at, scope.texts[sequence]
            inside.append(f"{scope.bind(inner)} = {text}.select({along}, {where})")
        for each in body.node:
            inside += self._node(each, True, (*positions, at))
        inside += [
            f"{stack}.append({scope.texts[inner]})" for stack, (inner, *_) in zip(stacks, wiring.stacked, strict=True)
        ]
        if wiring.carried:
            states = [(scope.texts[inner], scope.texts[new]) for inner, new, _, _ in wiring.carried]
            inside.append(f"{', '.join(a for a, _ in states)} = {', '.join(b for _, b in states)}")
        lines += [INDENT + line for line in inside]
        for inner, _, _, outside in wiring.carried:
            if outside:
                scope.texts[outside] = scope.texts[inner]
        for stack, (_, outside, along, backwards) in zip(stacks, wiring.stacked, strict=True):
            if outside:
                lines.append(f"{scope.bind(outside)} = torch.stack({stack}{'[::-1]' if backwards else ''}, {along})")
        return lines

    def _decoded(self, flow: Flow) -> list[str]:
        """Return lines that show the share of the biases that a decoded value has so far."""
        made = {name for node in flow.readout for name in node.output}
        read = {name for node in flow.readout for name in node.input} | {o.name for o in self.model.graph.output}
        names = sorted(name for name in read if name in flow.varying and name not in made)
        return [f'{self.scope.texts[name]} = self.shown("{name}", {self.scope.texts[name]})' for name in names]

    def _returned(self, graph: onnx.GraphProto) -> str:
        outputs = [(value.name, self.scope.texts[value.name]) for value in graph.output]
        if len(outputs) == 1:
            return f"return {outputs[0][1]}"
        return "return {" + ", ".join(f'"{name}": {text}' for name, text in outputs) + "}"


def _has_wide_integers(model: onnx.ModelProto) -> bool:
    """Return whether integers occur that torch hardly computes with."""
    casts = {a.i for function in model.functions for node in function.node for a in node.attribute if a.name == "to"}
    casts |= {a.i for node in model.graph.node for a in node.attribute if a.name == "to"}
    casts |= {tensor.data_type for tensor in model.graph.initializer}
    return bool(PLAIN_TYPES & (casts | {value.type.tensor_type.elem_type for value in model.graph.input}))
