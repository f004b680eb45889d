"""The value domain, one time step at a time: x = L(v)."""

from onnx2snn_runtime.executors.base import EXECUTORS, Execution
from onnx2snn_runtime.interpreter import Frame, Tensor, call
from onnx2snn_runtime.program import Population


@EXECUTORS.register("step")
class StepExecution(Execution):
    """Computes every synapse on the estimates themselves; memory does not grow with time."""

    def advance(self) -> None:
        """Make one time step: inputs, then populations in order, each on this step's estimates."""
        self.t += 1
        if self.t == 1 and self.watchers:
            self.rest()
            self.show_rest()
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
        for item in self.program.tail if self.watchers else ():
            if any(item.varying):
                self.watch(item, self.frame, changes=False)
            call(item, self.frame)

    def outputs(self) -> dict[str, Tensor]:
        """Return the outputs, decoded from the estimates of this step."""
        frame = Frame(self.frame.dtype, self.frame.device, dict(self.frame.values), dict(self.frame.host))
        for item in (*self.program.tail, *self.program.readout):
            call(item, frame)
        return {port.name: frame.values[port.name] for port in self.program.outputs}

    def _fresh(self, outputs: tuple[str, ...]) -> bool:
        return any(name and name not in self.frame.values for name in outputs)
