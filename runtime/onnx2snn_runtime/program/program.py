"""The executable program of a spiking IR model: a torch module with its constants, and the bound nodes in order."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import torch

from onnx2snn_runtime.dynamics.base import Neuron
from onnx2snn_runtime.errors import ModelError
from onnx2snn_runtime.ir.batch import BatchAxes, axes_of
from onnx2snn_runtime.ir.flow import analyse
from onnx2snn_runtime.ir.recurrence import neurons_of, recurrences
from onnx2snn_runtime.ir.schema import (
    ModelDefaults,
    NeuronAttributes,
    functions_of,
    is_neuron,
    read_defaults,
)
from onnx2snn_runtime.program.fusion import fuse
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor, bind
from onnx2snn_runtime.program.lifetimes import read_as_numbers, read_by_narrow_synapses, read_later, releases
from onnx2snn_runtime.program.population import Population, bind_population
from onnx2snn_runtime.program.ports import named_ports, placed, ports
from onnx2snn_runtime.program.precision import fits, unrounded, widened
from onnx2snn_runtime.program.shapes import ShapeCache, shaped_values
from onnx2snn_runtime.program.weights import Weights, host_values

TYPES = {torch.float32: "float32", torch.float64: "float64", torch.float16: "float16", torch.bfloat16: "bfloat16"}


class Program(Weights):
    """The executable form of a spiking IR model; it holds the weights, but no state of a run."""

    def __init__(self, model: onnx.ModelProto, where: str = "the model", parent: "Program | None" = None) -> None:
        """Bind `model`; one that was written out of the rolled `parent` shares its weights."""
        super().__init__(model, parent)
        self.where = where
        self.inputs = ports(model)
        self.take_defaults(model, read_defaults(model, where))
        self.outputs = named_ports(model.graph.output)
        self.footprints: dict[Any, int] = {}
        self.own_settings: Any = None
        """A cache: the model's defaults, and the settings of a run made from them."""
        self.ceilings: dict[str, float | None] | None = None
        """A cache: where populations end that compute a clipped ReLU, see `rectifiers`."""
        self.version = 0
        """Counts the changes of type, device and parameters."""
        self.compile_regions = False
        self.varying: frozenset[str]
        self.releases: list[tuple[str, ...]]
        self.rolled: onnx.ModelProto | None = model if recurrences(model.graph) else None
        """The model where it holds recurrences: it runs as a program of `unrolled`, by lengths, see `unrolling`."""
        self.unrolled: dict[Any, Program] = {}
        self.lengths: dict[Any, Any] = {}
        self._neurons: dict[int, Any] = {}
        """A cache: the parameters of populations, by the identity of their attributes, with what they were made of."""
        self._places: tuple[dict[str, list[int]], dict[str, list[int]]] | None = None
        self.groups: dict[str, str] = {}
        """Where positions are written out: names of their populations and synapses -> those that they share."""
        self._bind(model)
        self._keep_host_values()

    def take_defaults(self, model: onnx.ModelProto, defaults: ModelDefaults) -> None:
        """Take the model-level `defaults` of `model`, and where they say that samples are."""
        self.defaults: ModelDefaults = defaults
        self.axes: BatchAxes = axes_of(model, defaults)
        self.inputs = placed(self.inputs, self.axes)

    def _bind(self, model: onnx.ModelProto) -> None:
        opsets = {("" if o.domain == "ai.onnx" else o.domain): o.version for o in model.opset_import}
        functions = functions_of(model)
        if self.rolled is not None:
            found = neurons_of(model.graph)
            self._bind_rolled([bind_population(n, functions[n.op_type], opsets, self.where) for n in found])
            return
        flow = analyse(model.graph, self.defaults.spiking_inputs)

        def build(node: onnx.NodeProto) -> Call | Population:
            if is_neuron(node):
                return bind_population(node, functions[node.op_type], opsets, self.where)
            item = bind(node, opsets, flow.varying, self.where)
            return unrounded(item) if any(item.varying) else item

        self.prologue = [item for item in map(build, flow.prologue) if isinstance(item, Call)]
        self.loop = [build(node) for node in flow.loop]
        self.tail = [item for item in map(build, flow.tail) if isinstance(item, Call)]
        self.readout = [bind(node, opsets, flow.varying, self.where) for node in flow.readout]
        self.varying = flow.varying
        self.loop, self.tail = fuse(self.loop, self.tail, self.readout, self._output_names(), self.constants)
        self.populations = [item for item in self.loop if isinstance(item, Population)]
        if not self.populations:
            raise ModelError(f"{self.where} holds no neuron: convert a model with a nonlinearity")
        self.releases = releases(self.loop, read_later(self.tail, self.readout, self._output_names()), self.varying)
        self.shapes = ShapeCache(*shaped_values((*self.prologue, *self.loop), self._names))
        self._choose_precision()

    def _bind_rolled(self, populations: list[Population]) -> None:
        """Hold what is known without lengths: the populations, and nothing to compute."""
        self.populations = populations
        self.prologue, self.loop, self.tail, self.readout = [], [], [], []
        self.varying = frozenset()
        self.releases = []
        self.shapes = ShapeCache(frozenset(), frozenset())
        self._choose_precision()

    def _output_names(self) -> frozenset[str]:
        return frozenset(port.name for port in self.outputs)

    def _choose_precision(self) -> None:
        """Mark the synapses that must run in float32: see `precision`."""
        wide = {item.output for item in self.populations if not self._exact(item.attributes)}
        self.loop = widened(self.loop, wide)
        self.tail = widened(self.tail, wide)
        others = read_later((), self.readout, self._output_names())
        self.narrow = read_by_narrow_synapses(self.loop, self.tail, others)
        self._invalidate()

    def _apply(self, fn: Any, recurse: bool = True) -> "Program":
        """Move to another device or type, as `torch.nn.Module` does it."""
        super()._apply(fn, recurse)
        self.lay_out()
        self.unrolled.clear()
        self._choose_precision()
        self._keep_host_values()
        return self

    def _keep_host_values(self) -> None:
        read = read_as_numbers((*self.prologue, *self.loop, *self.tail, *self.readout))
        self._host_values = host_values(self.constants, read)

    def use_channels_last(self, wanted: bool | None) -> None:
        """Store the weights of convolutions over planes in channels last, or not, or (None) where that mostly pays."""
        self.channels_last = wanted
        self.lay_out()
        self.unrolled.clear()
        self._invalidate()

    def _invalidate(self) -> None:
        self.version += 1
        self.ceilings = None
        self.shapes.entries.clear()

    def set_attributes(self, name: str, attributes: NeuronAttributes) -> None:
        """Give the population `name`, at all positions, other attributes; plans for the shapes of inputs stay."""
        self._places = self._places or (self._placed(self.loop), self._placed(self.populations))
        before = self.attributes(name)
        lists: tuple[list[Any], list[Any]] = (self.loop, self.populations)
        for items, places in zip(lists, self._places, strict=True):
            for index in places.get(name, ()):
                items[index] = replace(items[index], attributes=attributes)
        self.version += 1
        self._neurons.pop(id(before), None)
        if self._exact(before) != self._exact(attributes):
            self._choose_precision()
        for program in self.unrolled.values():
            program.set_attributes(name, attributes)

    def _placed(self, items: Sequence[Any]) -> dict[str, list[int]]:
        """Return the places in `items` of every population, at all its positions, by its name."""
        found: dict[str, list[int]] = {}
        for index, item in enumerate(items):
            if isinstance(item, Population):
                found.setdefault(self.groups.get(item.name, item.name), []).append(index)
        return found

    def attributes(self, name: str) -> NeuronAttributes:
        """Return the attributes of the population `name`."""
        self._places = self._places or (self._placed(self.loop), self._placed(self.populations))
        return self.populations[self._places[1][name][0]].attributes

    def _exact(self, attributes: NeuronAttributes) -> bool:
        """Return whether spikes of a population are exact in the program's type."""
        return fits(self.dtype, attributes.scale, attributes.levels, attributes.mantissa)

    def frame(self) -> Frame:
        """Return a new frame that holds the constants."""
        frame = Frame(self.dtype, self.device, host=dict(self._host_values))
        frame.values.update(self.constants)
        return frame

    def neuron(self, item: Population) -> Neuron:
        """Return the parameters of the population `item` that are passed to the dynamics, its scale on the device."""
        a, place = item.attributes, (self.wide, self.device)
        held = self._neurons.get(id(a))
        if held is None or held[0] is not a or held[1] != place:
            scale: Tensor | float = float(a.scale.item()) if a.scale.size == 1 else self.on_device(a.scale)
            zone = float(np.float32(a.dead_zone))
            made = Neuron(scale, a.sources, a.levels, a.mantissa, onset=a.onset, dead_zone=zone)
            held = self._neurons[id(a)] = a, place, made._replace(gradual=bool(a.gradual))
        neuron: Neuron = held[2]
        return neuron
