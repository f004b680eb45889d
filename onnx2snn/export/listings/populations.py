"""Populations as lines, a call of `fire` with the target, and the functions of several operators that they call."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import onnx
import torch

from onnx2snn.export.listings.buffers import Buffers
from onnx2snn.export.listings.names import Names, snake
from onnx2snn.export.listings.nodes import NodeWriter, Scope
from onnx2snn_runtime.dynamics.base import Neuron
from onnx2snn_runtime.program.fusion import shorten
from onnx2snn_runtime.program.interpreter import Call
from onnx2snn_runtime.program.population import Population, bind_population


@dataclass
class PopulationWriter:
    """Writes populations; afterwards `functions` holds the texts of the functions that they call, by operator.

    Under dynamics that rectify, a population is driven by its input in place of its function.
    """

    nodes: NodeWriter
    buffers: Buffers
    neurons: Mapping[str, Neuron]
    protos: Mapping[str, onnx.FunctionProto]
    opsets: Mapping[str, int]
    where: str
    rectifies: bool
    functions: dict[str, tuple[str, str]] = field(default_factory=dict)

    def line(self, node: onnx.NodeProto, scope: Scope, positions: tuple[str, ...]) -> str:
        """Return the line of a neuron node; in a recurrence there is one of it at each of `positions`."""
        item = bind_population(node, self.protos[node.op_type], self.opsets, self.where)
        name = self.nodes.sources.text(item.name)
        key = f"({', '.join([name, *positions])})" if positions else name
        target = "" if self.rectifies and not item.reshapes else self._target(item, scope)
        if self.rectifies:
            target = scope.texts[item.sources[0]] + (f".reshape({target}.shape)" if target else "")
        parameters = self.parameters(self.neurons[item.output], item.name)
        return f"{scope.bind(item.output)} = self.fire({key}, {target}, {parameters})"

    def parameters(self, neuron: Neuron, name: str) -> str:
        """Return the parameters of a population, those that are not at their defaults."""
        usual, options = Neuron(1.0)._asdict(), []
        for key, value in neuron._asdict().items():
            if isinstance(value, torch.Tensor):
                options.append(f"{key}={self.buffers.add(f'{name}_{key}', value)}")
            elif key == "scale" or value != usual[key]:
                options.append(f"{key}={self.nodes.sources.text(value)}")
        return f"{self.nodes.sources.text(Neuron)}({', '.join(options)})"

    def _target(self, item: Population, scope: Scope) -> str:
        """Return the expression for the function of a population."""
        given = [scope.texts[name] for name in (*item.sources, *item.constants)]
        held = dict(zip(item.formal[len(item.sources) :], item.constants, strict=True))
        arrays = {formal: scope.arrays[name] for formal, name in held.items() if name in scope.arrays}
        constants = [torch.from_numpy(arrays[formal]) if formal in arrays else None for formal in held]
        short = shorten(item.body, item.formal, constants) if len(item.sources) == 1 else None
        alone = item.body[0] if len(item.body) == 1 and item.body[0].outputs[0] == item.result else short
        if alone is None:
            return f"{self._function(item)}({', '.join(given)})"
        inner = Scope(self.nodes.sources.names, dict(zip(item.formal, given, strict=True)), arrays, given[0])
        return self.nodes.first(alone, inner)

    def _function(self, item: Population) -> str:
        """Return the name of the function of the file that computes the body of `item`."""
        if item.op_type not in self.functions:
            names = self.nodes.sources.names
            chosen = names.new(snake(item.op_type))
            self._body(item, Names(set(names.taken)))  # first, for the names of what the lines call
            kinds = ", ".join(dict.fromkeys(call.op_type for call in item.body))
            formal, lines = self._body(item, Names(set(names.taken)))
            head = [f"def {chosen}({formal}):", f'    """The function of populations: {kinds}."""']
            self.functions[item.op_type] = chosen, "\n".join([*head, *(f"    {line}" for line in lines)])
        return self.functions[item.op_type][0]

    def _body(self, item: Population, names: Names) -> tuple[str, list[str]]:
        scope = Scope(names)
        formal = [scope.bind(name) for name in item.formal]
        scope.like = formal[0]
        calls: tuple[Call, ...] = item.body
        lines = [self.nodes.line(call, scope, inside=True) for call in calls]
        return ", ".join(formal), [*lines, f"return {scope.texts[item.result]}"]
