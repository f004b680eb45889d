"""Executor `event`: only spikes pass through the synapses; the currents are accumulated by their receivers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onnx2snn_runtime.execution.base import EXECUTORS, Execution, Settings
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor, call_linear
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program


@EXECUTORS.register("event")
class EventExecution(Execution):
    """The reference: x(t) = L(v(0)) + decoded currents; a step's current is the synapses' output for its spikes."""

    def __init__(self, program: Program, settings: Settings) -> None:
        super().__init__(program, settings)
        self._stale = True
        self._received: set[str] = set()
        self._accumulators: dict[str, Accumulator] = {}

    def advance(self) -> None:
        """Make one time step: encode, propagate, accumulate and fire, in order; with a delay, fire first."""
        self.t += 1
        if self._stale:
            self._reset_currents()
        self._received.clear()
        deltas = Frame(self.program.dtype, self.program.device)
        for name, spike in self.encode().items():
            deltas.set(name, spike)
        if self.settings.delay:
            for one in self.program.populations:
                deltas.set(one.output, self.fire(one, [self._accumulators[name].value for name in one.sources]))
        for item in (*self.program.loop, *self.program.tail):
            if not isinstance(item, Population):
                if self._varies(item):
                    self._propagate(item, deltas)
            elif not self.settings.delay:
                deltas.set(item.output, self.fire(item, [self._receive(name, deltas) for name in item.sources]))
        for name in self._accumulators:
            self._receive(name, deltas)

    def outputs(self) -> dict[str, Tensor]:
        """Return the outputs: accumulated currents, and readouts of them."""
        frame = Frame(self.frame.dtype, self.frame.device, dict(self.frame.values), dict(self.frame.host))
        shown = self.settings.dynamics.bias(self.t)
        for name in self.decoded_values():
            port = self._accumulators[name]
            frame.set(name, port.value if shown == 1.0 else shown * port.baseline + port.decoded)
        for item in self.program.readout:
            self.call(item, frame)
        return {port.name: frame.values[port.name] for port in self.program.outputs}

    def set_inputs(self, inputs: Mapping[str, Tensor]) -> None:
        """Set the inputs from the next step on; the currents of those that do not spike are computed anew."""
        super().set_inputs(inputs)
        self._stale = True

    def _reset_currents(self) -> None:
        """Set the baseline of every accumulator to its input at the current estimates, which are zero at first."""
        self._stale = False
        self.evaluate()
        names = {name for item in self.program.populations for name in item.sources} | set(self.decoded_values())
        self._accumulators.clear()
        for name in sorted(names):
            value: Tensor = self.frame.values[name].to(self.program.wide)
            self._accumulators[name] = Accumulator(value, value.new_zeros(value.shape))
        if self.t > 1 and self.settings.dynamics.payload != "change":
            self._restart_decoders()

    def _restart_decoders(self) -> None:
        """Start decoders with momentum from the estimates and the momentum, propagated through the new synapses."""
        states = {**self.inputs, **self.states}
        decoded = self._propagate_values({name: state.v for name, state in states.items()})
        slots = [
            dict(zip(states, slot, strict=True)) for slot in zip(*(s.momentum for s in states.values()), strict=True)
        ]
        momentum = [self._propagate_values(slot) for slot in slots]
        for name, port in self._accumulators.items():
            if name not in self.program.varying:
                continue
            port.decoded = decoded.values[name].to(self.program.wide)
            port.baseline = port.baseline - port.decoded
            port.memory = tuple(slot.values[name].to(self.program.wide) for slot in momentum)

    def _propagate_values(self, values: Mapping[str, Tensor]) -> Frame:
        """Return the outputs of the synapses, without biases, for `values`."""
        frame = Frame(self.program.dtype, self.program.device, dict(values))
        for item in (*self.program.loop, *self.program.tail):
            if not isinstance(item, Population) and self._varies(item):
                call_linear(item, self.frame, frame)
        return frame

    def _receive(self, name: str, deltas: Frame) -> Tensor:
        """Add this step's current to the input `name`, once, and return its value."""
        port = self._accumulators[name]
        if name in deltas.values and name not in self._received:
            self._received.add(name)
            current = deltas.values[name].to(self.program.wide)
            port.memory, port.decoded = self.settings.dynamics.decode(port.memory, port.decoded, current, self.t)
        return port.value

    def _varies(self, item: Call) -> bool:
        """Return whether the output of `item` varies over time; the shape of a time-varying value does not."""
        return any(name in self.program.varying for name in item.outputs)

    def _propagate(self, item: Call, deltas: Frame) -> None:
        self.show_synapse(item, deltas, changes=True)
        call_linear(item, self.frame, deltas)


@dataclass
class Accumulator:
    """The input of a population: the baseline L(v(0)), the decoded change since, and the decoder's memory."""

    baseline: Tensor
    decoded: Tensor
    memory: Any = ()

    @property
    def value(self) -> Tensor:
        """x(t) = L(v(0)) + decoded change, the current input."""
        return self.baseline + self.decoded
