"""The value domain, one time step at a time: x = L(v)."""

from collections.abc import Mapping

from onnx2snn_runtime.executors.base import EXECUTORS, Execution, Settings
from onnx2snn_runtime.interpreter import Frame, Tensor, call
from onnx2snn_runtime.program import Population, Program


@EXECUTORS.register("step")
class StepExecution(Execution):
    """Computes every synapse on the estimates themselves; memory does not grow with time."""

    def __init__(self, program: Program, settings: Settings) -> None:
        super().__init__(program, settings)
        self._stale = True

    def feed(self, inputs: Mapping[str, Tensor]) -> None:
        """Set the inputs from the next step on."""
        super().feed(inputs)
        self._stale = True

    def advance(self) -> None:
        """Make one time step: inputs, then populations in order, each on this step's estimates."""
        self.t += 1
        if self.settings.delay:
            self._advance_at_once()
            return
        self.encode()
        for name, state in self.inputs.items():
            self.frame.set(name, state.v)
        for item, releases in zip(self.program.loop, self.program.releases, strict=True):
            if isinstance(item, Population):
                self.fire(item, [self.frame.values[name] for name in item.sources])
                self.frame.set(item.output, self.states[item.output].v)
            elif any(item.varying) or self._fresh(item.outputs):
                self.watch(item, self.frame, changes=False)
                call(item, self.frame)
            for name in releases:
                self.frame.values.pop(name, None)

    def _advance_at_once(self) -> None:
        """Make one time step: all populations on the last step's estimates, then the synapses on the new ones."""
        if self._stale:
            self._stale = False
            self.rest()
        self.encode()
        for population in self.program.populations:
            self.fire(population, [self.frame.values[name] for name in population.sources])
        for name, state in (*self.inputs.items(), *self.states.items()):
            self.frame.set(name, state.v)
        for item in self.program.loop:
            if not isinstance(item, Population) and any(item.varying):
                self.watch(item, self.frame, changes=False)
                call(item, self.frame)

    def outputs(self) -> dict[str, Tensor]:
        """Return the outputs, decoded from the estimates of this step."""
        frame = Frame(self.frame.dtype, self.frame.device, dict(self.frame.values), dict(self.frame.host))
        for item in self.program.tail:
            call(item, frame)
        shown = self.settings.dynamics.bias(self.t)
        if shown != 1.0:
            rest = self._without_spikes()
            for name in self.ports():
                frame.set(name, frame.values[name] - (1.0 - shown) * rest.values[name])
        for item in self.program.readout:
            call(item, frame)
        return {port.name: frame.values[port.name] for port in self.program.outputs}

    def _without_spikes(self) -> Frame:
        """Return the values at estimates of zero: the biases."""
        frame = Frame(self.frame.dtype, self.frame.device, dict(self.frame.values), dict(self.frame.host))
        for name, state in (*self.inputs.items(), *self.states.items()):
            frame.set(name, state.v.new_zeros(state.v.shape))
        for item in (*self.program.loop, *self.program.tail):
            if not isinstance(item, Population):
                call(item, frame)
        return frame

    def _fresh(self, outputs: tuple[str, ...]) -> bool:
        return any(name and name not in self.frame.values for name in outputs)
