"""A spiking network of `if` or `lif` neurons as layers: thresholds become 1, and spikes 0 or 1."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from onnx2snn.export.lines.builder import ONE, Builder
from onnx2snn.export.lines.graph import Layer, Network, Term, Value
from onnx2snn.export.lines.synapses import SYNAPSES, Site
from onnx2snn_runtime.dynamics.integrate_and_fire import IntegrateAndFire
from onnx2snn_runtime.errors import InputError, UnsupportedError
from onnx2snn_runtime.program.interpreter import Call, call
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.program.rectifiers import ceiling

RELU_ALONE = (
    "is no ReLU nor clipped ReLU of one source: a file of threshold neurons cannot hold it; export the network with "
    "average pooling and ReLU, or convert with --neurons elementwise, and see whether what is left is ReLU"
)


@dataclass(frozen=True)
class Wanted:
    """What the target wants: sums in place of average pools; `gain` multiplies what neurons are given.

    `dense` is whether all of it has to be layers of weights, see `Builder`.
    """

    sums: bool
    gain: float = 1.0
    dense: bool = True


def translate(program: Program, dynamics: IntegrateAndFire, wanted: Wanted, bias: float = 0.0) -> Network:
    """Return the layers of `program`; `bias` is added to the input of every neuron, in units of its threshold.

    Everything that cannot be said raises UnsupportedError at once, with every node of it.
    """
    return _Translation(program, dynamics, wanted, bias).run()


class _Translation:
    def __init__(self, program: Program, dynamics: IntegrateAndFire, wanted: Wanted, bias: float) -> None:
        self.program, self.dynamics, self.wanted, self.bias = program, dynamics, wanted, bias
        self.builder = Builder(wanted.dense)
        self.values: dict[str, Any] = {}
        self.refused: list[str] = []
        self.items = (*program.prologue, *program.loop, *program.tail)
        self.uses = Counter(name for item in self.items for name in _read(item))

    def run(self) -> Network:
        """Return the network."""
        self._input()
        self._constants()
        for item in self.items:
            output = item.output if isinstance(item, Population) else item.outputs[0]
            if output in self.values or any(self.values.get(name, "") is None for name in _read(item)):
                self.values.setdefault(output, None)  # what comes of something refused is not refused again
                continue
            make = self._population if isinstance(item, Population) else self._synapse
            self._try(item, output, make)
        if self.refused:
            raise UnsupportedError(f"{self.program.where} cannot be written in NIR: {'; '.join(self.refused)}")
        self._output()
        return self.builder.network

    def _try(self, item: Any, output: str, make: Callable[[Any], Value]) -> None:
        try:
            value = make(item)
        except UnsupportedError as error:
            what = f"the population {item.name!r}" if isinstance(item, Population) else f"the {item.label}"
            self.refused.append(f"{what}: {error}")
            self.values[output] = None
            return
        shared = self.uses[output] > 1
        self.values[output] = Value(tuple(replace(t, shared=t.shared or shared) for t in value.terms))

    def _input(self) -> None:
        """Make the layer of the input, the only one."""
        ports = self.program.inputs
        if len(ports) != 1:
            raise UnsupportedError(f"{self.program.where} has {len(ports)} inputs: a NIR file is read with one")
        shape = ports[0].shape
        if not shape or len(shape) < 2 or any(size < 1 for size in shape[1:]):
            raise UnsupportedError(f"the input {ports[0].name!r} has free axes: export the network with fixed sizes")
        layer = self.builder.add("Input", "input", tuple(shape[1:]), [])
        self.values[ports[0].name] = Value((Term(layer, ONE, True),))

    def _constants(self) -> None:
        """Compute what depends on constants alone."""
        frame = self.program.frame()
        self.values |= {name: _array(value) for name, value in frame.values.items()}
        for item in self.program.prologue:
            if all(isinstance(self.values.get(name), np.ndarray) for name in item.inputs if name):
                call(item, frame)
                self.values |= {name: _array(frame.values[name]) for name in item.outputs if name}

    def _synapse(self, item: Call) -> Value:
        make = SYNAPSES.get(item.op_type)
        if make is None or item.operator.domain:
            raise UnsupportedError("NIR has no node for it")
        inputs = tuple(self.values[name] if name else None for name in item.inputs)
        return make(Site(item, inputs, self.builder, self.wanted.sums))

    def _population(self, item: Population) -> Value:
        """Make the layer of neurons: what they are given is divided by their thresholds, and multiplied by the gain."""
        top = ceiling(item, self.program.frame())
        if top is None or item.reshapes:
            raise UnsupportedError(RELU_ALONE)
        held = self.program.neuron(item)._replace(ceiling=top).threshold(self.dynamics.threshold)
        theta = _array(held).astype(np.float64) if isinstance(held, torch.Tensor) else np.array(float(held))
        source = self.values[item.sources[0]]
        inputs = self.builder.scaled(source, theta / self.wanted.gain)
        if self.bias:
            inputs = self._biased(inputs, source)
        layer = self.builder.add("LIF" if self.dynamics.keep != 1 else "IF", item.name, source.shape, inputs)
        self.builder.network.neurons[item.name] = layer
        return self.builder.one(layer, theta)

    def _biased(self, inputs: list[Layer], source: Value) -> list[Layer]:
        """Return `inputs` with the bias of neurons in a layer that nothing else reads, made where there is none."""
        bias = np.array(self.bias * self.wanted.gain)
        elsewhere = {id(term.layer) for term in source.terms if term.shared}
        for layer in inputs:
            if layer.bias is not None and id(layer) not in elsewhere:
                layer.bias = layer.bias + bias
                return inputs
        return [self.builder.identities(inputs, ONE, bias)]

    def _output(self) -> None:
        """Make the layer of the output: what is decoded, without the readouts behind it."""
        made = {name for item in self.program.readout for name in item.outputs}
        read = {name for item in self.program.readout for name in item.inputs}
        read |= {port.name for port in self.program.outputs}
        names = sorted({name for name in read if name in self.program.varying and name not in made})
        if len(names) != 1:
            raise UnsupportedError(f"{self.program.where} decodes {len(names)} values ({', '.join(names)}): give one")
        value = self.values[names[0]]
        if not isinstance(value, Value):
            raise InputError(f"the output {names[0]!r} does not come from a neuron")
        self.builder.add("Output", "output", value.shape, self.builder.scaled(value, ONE))


def _read(item: Call | Population) -> tuple[str, ...]:
    return item.sources if isinstance(item, Population) else tuple(name for name in item.inputs if name)


def _array(value: Any) -> np.ndarray:
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
