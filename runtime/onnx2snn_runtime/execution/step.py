"""Executor `step`: the value domain, one time step at a time: x = L(v)."""

from collections.abc import Mapping

from onnx2snn_runtime.execution.base import EXECUTORS, Execution, Settings
from onnx2snn_runtime.program.interpreter import Frame, Tensor
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program


@EXECUTORS.register("step")
class StepExecution(Execution):
    """Computes every synapse on the estimates v of its sources; memory does not grow with time."""

    def __init__(self, program: Program, settings: Settings) -> None:
        super().__init__(program, settings)
        self._stale = True

    def set_inputs(self, inputs: Mapping[str, Tensor]) -> None:
        """Set the inputs from the next step on."""
        super().set_inputs(inputs)
        self._stale = True

    def advance(self) -> None:
        """Make one time step: inputs, then populations in order, each on this step's estimates."""
        self.t += 1
        if self.settings.delay:
            self._advance_with_delay()
            return
        self.encode()
        for name, state in self.inputs.items():
            self.frame.set(name, state.v)
        for item, releases in zip(self.program.loop, self.program.releases, strict=True):
            if isinstance(item, Population):
                self.fire(item, [self.frame.values[name] for name in item.sources])
                self.frame.set(item.output, self.states[item.output].v)
            elif any(item.varying) or self._missing(item.outputs):
                self.show_synapse(item, self.frame, changes=False)
                self.call(item, self.frame)
            for name in releases:
                self.frame.values.pop(name, None)
        for item in self.observed_tail():
            self.show_synapse(item, self.frame, changes=False)
            self.call(item, self.frame)

    def _advance_with_delay(self) -> None:
        """Make one time step with delay 1: populations on the last step's estimates, then synapses on the new ones."""
        if self._stale:
            self._stale = False
            self.evaluate()
        self.encode()
        for population in self.program.populations:
            self.fire(population, [self.frame.values[name] for name in population.sources])
        for name, state in (*self.inputs.items(), *self.states.items()):
            self.frame.set(name, state.v)
        for item in (*self.program.loop, *self.observed_tail()):
            if not isinstance(item, Population) and any(item.varying):
                self.show_synapse(item, self.frame, changes=False)
                self.call(item, self.frame)

    def outputs(self) -> dict[str, Tensor]:
        """Return the outputs, decoded from the estimates of this step."""
        frame = Frame(self.frame.dtype, self.frame.device, dict(self.frame.values), dict(self.frame.host))
        return self.decode_outputs(frame, self.t)

    def _missing(self, outputs: tuple[str, ...]) -> bool:
        return any(name and name not in self.frame.values for name in outputs)
