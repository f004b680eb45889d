"""The executors' base class: runs a program over time steps and holds the state of the run.

step    value domain, one time step at a time: x = L(v) of the estimates v; memory does not grow with time
layer   value domain, a population's whole chunk of time steps at once; fast
event   event domain, the reference: spikes pass the synapses, currents are accumulated and filtered where they arrive
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ClassVar

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State
from onnx2snn_runtime.encoders.base import Encoder
from onnx2snn_runtime.execution.probe import Probe
from onnx2snn_runtime.kernels.base import Scanned
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor, call
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.program.rectifiers import neurons_of
from onnx2snn_runtime.registry import Registry


@dataclass(frozen=True)
class Settings:
    """The settings of a run: the dynamics of its neurons, the encoder of its spiking inputs, and the probes.

    With `delay` 0 a spike arrives in the step it is sent in, and populations are updated in topological order; with 1
    it arrives in the next step, and all populations are updated together. Outputs include the last spikes either way.
    """

    dynamics: Dynamics
    encoder: Encoder | None = None
    input_scales: Mapping[str, float] = field(default_factory=dict)
    input_dead_zones: Mapping[str, float] = field(default_factory=dict)
    probes: tuple[Probe, ...] = ()
    delay: int = 0
    chunk: int = 0
    """The time steps that the executor `layer` computes at once, 0 for all."""

    def input_neuron(self, name: str, stream: int) -> Neuron:
        """Return the parameters of the population that encodes the input `name`."""
        zone = float(self.input_dead_zones.get(name, 0.0))
        return Neuron(float(self.input_scales.get(name, 1.0)), stream=stream, dead_zone=zone)


EXECUTORS: Registry[type["Execution"]] = Registry("executor", "onnx2snn_runtime.execution")

EXECUTOR_WRAPPER: ContextVar[Callable[[type["Execution"]], type["Execution"]] | None] = ContextVar(
    "EXECUTOR_WRAPPER", default=None
)
"""A function that replaces the class of a new executor, or None: see `profiling`."""


class Execution:
    """The state of one batch over time: `run_steps` makes time steps, and returns what is decoded after them."""

    delayed: ClassVar[type["Execution"] | None] = None
    """What runs in place of this executor where spikes arrive a step later, if it cannot."""

    def __init__(self, program: Program, settings: Settings) -> None:
        self.program = program
        self.settings = settings
        self.frame: Frame = program.frame()
        self.states: dict[str, State] = {}
        self.inputs: dict[str, State] = {}
        self.peaks: dict[str, float] = {}
        """The largest magnitudes of the last estimates, of the populations whose kernel told them."""
        self.t = 0
        self.plan: Any = None
        """The execution plan of an earlier run with the same input shapes, or None: see `execution.plan`."""
        self._constants = list(self.frame.values.values())
        self._raw: dict[str, Tensor] = {}
        self.neurons = neurons_of(program, settings.dynamics)
        self.synapse_probes = [probe for probe in settings.probes if probe.needs_synapses]
        self.observed = frozenset[str]().union(*(probe.observed for probe in self.synapse_probes))
        self.continues = False
        """Whether this execution continues another, so that its inputs are not new to the probes."""

    def set_inputs(self, inputs: Mapping[str, Tensor]) -> None:
        """Set the inputs from the next step on, and compute the values that depend on inputs and constants only."""
        self._raw = dict(inputs)
        for name, value in inputs.items():
            self.frame.set(name, value)
        shapes = self.program.shapes
        self.plan = shapes.lookup(self.frame, inputs, self._constants)
        for item in self.program.prologue:
            if not (self.plan and item.outputs[0] in shapes.names):
                self.call(item, self.frame)
        for probe in () if self.continues else self.synapse_probes:
            probe.set_inputs(self.frame, self._raw, self.t + 1)

    def run(
        self, inputs: Mapping[str, Tensor], varying: Sequence[str], steps: Sequence[int]
    ) -> dict[int, dict[str, Tensor]]:
        """Return the outputs after each of `steps`, ascending; the inputs named in `varying` are x[T, ...]."""
        outputs = {}
        for t in range(1, steps[-1] + 1):
            if t == 1 or varying:
                self.set_inputs({name: value[t - 1] if name in varying else value for name, value in inputs.items()})
            self.advance()
            if t in steps:
                outputs[t] = self.outputs()
        return outputs

    def advance(self) -> None:
        """Make one time step."""
        raise NotImplementedError

    def run_steps(self, count: int, wanted: Iterable[int]) -> dict[int, dict[str, Tensor]]:
        """Make `count` time steps and return the outputs after those in `wanted`."""
        outputs, asked = {}, set(wanted)
        for _ in range(count):
            self.advance()
            if self.t in asked:
                outputs[self.t] = self.outputs()
        return outputs

    @property
    def given(self) -> Mapping[str, Tensor]:
        """The inputs as they were set last."""
        return self._raw

    def outputs(self) -> dict[str, Tensor]:
        """Return the decoded outputs after the steps so far, by name."""
        raise NotImplementedError

    def encode(self) -> dict[str, Tensor]:
        """Step the encoders of the spiking inputs and return the spikes they send, by input name."""
        spikes = {}
        for stream, name in enumerate(self.program.defaults.spiking_inputs):
            encoder = self.settings.encoder
            target = self._raw[name].to(self.program.wide)
            if encoder is None:
                raise RuntimeError("a model with spiking inputs runs with an encoder")
            neuron = self.settings.input_neuron(name, stream)
            state = self.inputs.get(name) or encoder.init(target)
            self.inputs[name], spikes[name] = encoder.step(state, target, self.t, neuron)
            for probe in self.synapse_probes:
                probe.encoded(name, self.t, spikes[name], neuron)
        return spikes

    def fire(self, item: Population, sources: list[Tensor]) -> Tensor:
        """Step the population `item` towards its target f(sources); return the spike."""
        target = self.target(item, sources)
        before = self.states.get(item.output) or self.start(item, target)
        driven_by = self.driving(sources, target)
        after, spike = self.settings.dynamics.step(before, driven_by, self.t, self.neurons[item.output])
        self.states[item.output] = after
        for probe in self.settings.probes:
            probe.population(item, self.t, spike, after, target)
        for probe in self.synapse_probes if item.output in self.observed else ():
            probe.sources(item, self.t, sources, self.frame)
        return spike

    def driving(self, sources: Sequence[Tensor], target: Tensor) -> Tensor:
        """Return what dynamics step towards: f(x), the `target`, or x in its shape for those that rectify."""
        return sources[0].to(target.dtype).reshape(target.shape) if self.settings.dynamics.rectifies else target

    def start(self, item: Population, like: Tensor) -> State:
        """Return the state of `item` before its first step; a scale that does not fit `like` raises ModelError."""
        item.check_scale(like.shape)
        return self.settings.dynamics.init(like)

    def keep(self, item: Population, scanned: Scanned) -> None:
        """Keep the state of `item` after a scan, and how large its estimates are."""
        self.states[item.output] = scanned.state
        if scanned.peak is None:
            self.peaks.pop(item.output, None)
        else:
            self.peaks[item.output] = scanned.peak

    def call(self, item: Call, frame: Frame) -> None:
        """Compute the node `item` on the values in `frame`, for a single step."""
        call(item, frame)

    def target(self, item: Population, sources: Sequence[Tensor]) -> Tensor:
        """Return f(sources), the target of the population `item`."""
        constants = [self.frame.values[name] for name in item.constants]
        return item.target(sources, constants, self.program.wide, item.host_constants(self.frame))

    def evaluate(self) -> None:
        """Compute every value from the current estimates, which are zero before the first step."""
        for name in self.program.defaults.spiking_inputs:
            raw = self._raw[name].to(self.program.wide)
            self.frame.set(name, self.inputs[name].v if name in self.inputs else raw.new_zeros(raw.shape))
        for item in (*self.program.loop, *self.program.tail):
            if isinstance(item, Call):
                self.call(item, self.frame)
                continue
            if item.output not in self.states:
                target = self.target(item, [self.frame.values[name] for name in item.sources])
                self.states[item.output] = self.start(item, target)
            self.frame.set(item.output, self.states[item.output].v)

    def decoded_values(self) -> list[str]:
        """Return the names of the time-varying values that readouts and outputs read."""
        made = {name for item in self.program.readout for name in item.outputs}
        read = [name for item in self.program.readout for name in item.inputs]
        read += [port.name for port in self.program.outputs]
        return sorted({name for name in read if name in self.program.varying and name not in made})

    def decode_outputs(self, frame: Frame, t: int) -> dict[str, Tensor]:
        """Return the outputs after step t, computed from the estimates in `frame`."""
        shown = self.settings.dynamics.bias(t)
        biases = self._biases(frame) if shown != 1.0 else frame
        for item in self.program.tail:
            self.call(item, frame)
        for name in self.decoded_values() if shown != 1.0 else ():
            frame.set(name, frame.values[name] - (1.0 - shown) * biases.values[name])
        for item in self.program.readout:
            self.call(item, frame)
        return {port.name: frame.values[port.name] for port in self.program.outputs}

    def _biases(self, frame: Frame) -> Frame:
        """Return the values at estimates of zero: the biases. What depends on shapes alone is there already."""
        zero = Frame(frame.dtype, frame.device, dict(frame.values), dict(frame.host))
        for name, state in (*self.inputs.items(), *self.states.items()):
            zero.set(name, state.v.new_zeros(state.v.shape))
        for item in (*self.program.loop, *self.program.tail):
            if isinstance(item, Call) and item.outputs[0] not in self.program.shapes.names:
                self.call(item, zero)
        return zero

    def observed_tail(self) -> Sequence[Call]:
        """Return the tail if a probe observes one of its synapses: it is then computed at every step."""
        return self.program.tail if any(item.outputs[0] in self.observed for item in self.program.tail) else ()

    def show_synapse(self, item: Call, frame: Frame, changes: bool) -> None:
        """Pass a synapse to the probes before it is computed; `changes`: `frame` holds changes in place of values."""
        for probe in self.synapse_probes if item.outputs[0] in self.observed else ():
            probe.synapse(item, self.t, frame, self.frame, changes)


def make_execution(name: str, program: Program, settings: Settings) -> Execution:
    """Return a new execution of `program` by the executor `name`."""
    executor, wrapping = EXECUTORS[name], EXECUTOR_WRAPPER.get()
    if settings.delay and executor.delayed is not None:
        executor = executor.delayed
    return (executor if wrapping is None else wrapping(executor))(program, settings)
