"""The event domain: only spikes travel through the synapses; currents are accumulated where they arrive."""

from collections.abc import Mapping

from onnx2snn_runtime.executors.base import EXECUTORS, Accumulator, Execution, Settings
from onnx2snn_runtime.interpreter import Call, Frame, Tensor, call, call_linear
from onnx2snn_runtime.program import Population, Program


@EXECUTORS.register("event")
class EventExecution(Execution):
    """The reference: x(t) = L(v(0)) + decoded currents, each current the synapses' answer to this step's spikes."""

    def __init__(self, program: Program, settings: Settings) -> None:
        super().__init__(program, settings)
        self._stale = True
        self._moved: set[str] = set()
        self._accumulators: dict[str, Accumulator] = {}

    def advance(self) -> None:
        """Make one time step: encode, propagate, accumulate and fire in order."""
        self.t += 1
        if self.t == 1 or self._stale:
            self._rest()
        deltas = Frame(self.program.dtype, self.program.device)
        for name, spike in self.encode().items():
            deltas.set(name, spike)
        for item in self.program.loop:
            if isinstance(item, Population):
                sources = [self._receive(name, deltas) for name in item.sources]
                deltas.set(item.output, self.fire(item, sources))
            elif self._spikes_through(item):
                self._propagate(item, deltas)
        for item in self.program.tail:
            if self._spikes_through(item):
                self._propagate(item, deltas)
        for name in self._ports():
            self._receive(name, deltas)
        self._moved.clear()

    def outputs(self) -> dict[str, Tensor]:
        """Return the outputs: accumulated currents, and readouts of them."""
        frame = Frame(self.frame.dtype, self.frame.device, dict(self.frame.values), dict(self.frame.host))
        for name in self._ports():
            frame.set(name, self._accumulators[name].value)
        for item in self.program.readout:
            call(item, frame)
        return {port.name: frame.values[port.name] for port in self.program.outputs}

    def feed(self, inputs: Mapping[str, Tensor]) -> None:
        """Set the inputs from the next step on; the currents of those that do not spike are taken anew."""
        super().feed(inputs)
        self._stale = True

    def _rest(self) -> None:
        """Take every input at the present estimates (zero at first) as the rest that currents change."""
        self._stale = False
        self._accumulators.clear()
        self.rest()
        sources = [name for item in self.program.populations for name in item.sources]
        for name in {*sources, *self._ports()}:
            value: Tensor = self.frame.values[name].to(self.program.wide)
            self._accumulators[name] = Accumulator(value, value.new_zeros(value.shape))
        if self.t == 1:
            self.show_rest(synapses=False)

    def _receive(self, name: str, deltas: Frame) -> Tensor:
        """Add this step's current to the input `name`, once, and return its value."""
        port = self._accumulators[name]
        if name in deltas.values and name not in self._moved:
            self._moved.add(name)
            current = deltas.values[name].to(self.program.wide)
            port.memory, port.decoded = self.settings.dynamics.decode(port.memory, port.decoded, current, self.t)
        return port.value

    def _spikes_through(self, item: Call) -> bool:
        """Return whether what `item` gives varies; shapes of what varies do not."""
        return any(name in self.program.varying for name in item.outputs)

    def _propagate(self, item: Call, deltas: Frame) -> None:
        self.watch(item, deltas, changes=True)
        call_linear(item, self.frame, deltas)

    def _ports(self) -> list[str]:
        """Return the varying values that readouts and outputs read."""
        made = {name for item in self.program.readout for name in item.outputs}
        read = [name for item in self.program.readout for name in item.inputs]
        read += [port.name for port in self.program.outputs]
        return sorted({name for name in read if name in self.program.varying and name not in made})
