"""The value domain, one time step and one node at a time: x = L(v), for delayed spikes and for what looks at values.

A population is updated by a kernel in one pass over memory, or by its dynamics where a probe needs the spikes.
"""

from collections.abc import Mapping

from onnx2snn_runtime.execution.base import Execution, Settings
from onnx2snn_runtime.execution.found_kernels import kernels_of
from onnx2snn_runtime.kernels.base import scan
from onnx2snn_runtime.program.interpreter import Frame, Tensor
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program


class ValueExecution(Execution):
    """Computes every synapse on the estimates v of its sources; memory does not grow with time."""

    def __init__(self, program: Program, settings: Settings) -> None:
        super().__init__(program, settings)
        self._stale = True
        self._kernels = kernels_of(program, settings.dynamics)
        self._by_spikes = any(probe.needs_spikes for probe in settings.probes)

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
                self.update(item)
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
            self.update(population)
        for name, state in (*self.inputs.items(), *self.states.items()):
            self.frame.set(name, state.v)
        for item in (*self.program.loop, *self.observed_tail()):
            if not isinstance(item, Population) and any(item.varying):
                self.show_synapse(item, self.frame, changes=False)
                self.call(item, self.frame)

    def update(self, item: Population) -> None:
        """Step the population `item` towards its target."""
        sources = [self.frame.values[name] for name in item.sources]
        if self._by_spikes:
            self.fire(item, sources)
            return
        for probe in self.synapse_probes if item.output in self.observed else ():
            probe.sources(item, self.t, sources, self.frame)
        target = self.driving(sources, self.target(item, sources))[None]
        before = self.states.get(item.output) or self._kernels.start(item, target[0])
        neuron, kernel = self.neurons[item.output], self._kernels.find(target)
        scanned = scan(self.settings.dynamics, target, before, 1, self.t, neuron, None, None, kernel=kernel)
        self.keep(item, scanned)
        for probe in self.settings.probes:
            probe.count(item, self.t, scanned.events, scanned.values[0])
            if probe.needs_values:
                probe.values(item, self.t, scanned.values, before.v)

    def outputs(self) -> dict[str, Tensor]:
        """Return the outputs, decoded from the estimates of this step."""
        frame = Frame(self.frame.dtype, self.frame.device, dict(self.frame.values), dict(self.frame.host))
        return self.decode_outputs(frame, self.t)

    def _missing(self, outputs: tuple[str, ...]) -> bool:
        return any(name and name not in self.frame.values for name in outputs)
