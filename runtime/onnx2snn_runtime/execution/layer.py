"""A population's whole chunk of time at once: each weight is read once a chunk and not once a step.

Within a step populations see this step's estimates in topological order, so a population's estimates over a chunk
depend on those of its predecessors over the same chunk and on its own past alone: layer by layer instead of step by
step, with the same results.
"""

from collections.abc import Iterable, Mapping, Sequence

import torch

from onnx2snn_runtime.dynamics.base import Neuron
from onnx2snn_runtime.execution.base import EXECUTORS, Execution, make_execution
from onnx2snn_runtime.execution.compiled_bodies import compute_region
from onnx2snn_runtime.execution.over_time import map_call
from onnx2snn_runtime.execution.prepared import Prepared, PreparedBody, plain_route, prepared_route
from onnx2snn_runtime.kernels.base import Clamp, scan, scan_by_steps
from onnx2snn_runtime.kernels.chunks import at, extended
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor, bind_outputs, call, compute, fetch, gather
from onnx2snn_runtime.program.population import Population


@EXECUTORS.register("layer")
class LayerExecution(Execution):
    """Computes chunk by chunk; memory grows with the chunk, not with time."""

    _resting = False
    """Whether nothing moved in the last chunk, and nothing will while the inputs stand."""

    def feed(self, inputs: Mapping[str, Tensor]) -> None:
        """Set the inputs from the next step on."""
        super().feed(inputs)
        self._resting = False

    def run(
        self, inputs: Mapping[str, Tensor], moving: Sequence[str], steps: Sequence[int]
    ) -> dict[int, dict[str, Tensor]]:
        """Return the outputs after each of `steps`; input that moves and delayed spikes are run step by step."""
        if moving or self.settings.delay:
            return make_execution("step", self.program, self.settings).run(inputs, moving, steps)
        self.feed(inputs)
        outputs: dict[int, dict[str, Tensor]] = {}
        while self.t < steps[-1]:
            count = min(self.settings.chunk or steps[-1], steps[-1] - self.t)
            outputs |= self.span(count, steps)
        return outputs

    def span(self, count: int, wanted: Iterable[int]) -> dict[int, dict[str, Tensor]]:
        """Make `count` time steps at once and return the outputs after those in `wanted`."""
        first = self.t + 1
        self._advance(count)
        return {t: self.read(self._at(t - first), t) for t in wanted if first <= t <= self.t}

    def _advance(self, count: int) -> None:
        """Make `count` time steps; none has to be computed once all populations rest."""
        first = self.t + 1
        if self._resting and not (self.watchers or self.settings.encoder):
            self._stay(first, count)
            return
        if self.watchers and self.t == 0:
            self.rest()
            self.show_rest()
        self._resting = True
        self._encode(first, count)
        for item, ready, body, gone in self.route or plain_route(self.program):
            if isinstance(item, Population):
                self.frame.set(item.output, self._scan(item, body, first, count))
            elif ready and not self.watchers:
                self._run(item, ready)
            else:
                self._map(item, first, count)
            for name in gone:
                self.frame.values.pop(name, None)
        if not self.route:
            self.route = prepared_route(self.program, self.frame)
            self.program.shapes.remember(self.frame, self._raw, self._constants, self.route)
        if self.watchers:
            for item in self.program.tail:
                self._map(item, first, count)
        self.t += count

    def _stay(self, first: int, count: int) -> None:
        """Make `count` time steps in which nothing moves."""
        for item in self.program.populations:
            for probe in self.settings.probes:
                probe.count(item, first, torch.zeros(count, dtype=torch.int64), self.states[item.output].v)
        self.t += count

    def _run(self, item: Call, ready: Prepared) -> None:
        """Compute a synapse that is prepared."""
        ready.run(self.frame)

    def _map(self, item: Call, first: int, count: int) -> None:
        """Compute a synapse for the chunk; what hangs on the shape of a varying value alone, once."""
        arguments = gather(item, self.frame)
        if not any(name in self.program.varying for name in item.outputs):
            arguments = [a[0] if flag else a for a, flag in zip(arguments, item.varying, strict=True)]
            bind_outputs(item, self.frame, compute(item, arguments))
            return
        if self.watchers:
            self._show(item, first, count)
        if any(item.varying):
            bind_outputs(item, self.frame, map_call(item, arguments, item.varying))
        else:
            call(item, self.frame)

    def _scan(self, item: Population, body: PreparedBody | None, first: int, count: int) -> Tensor:
        """Return the estimates [n <= count, ...] of a population, from its sources over the chunk: see `chunks`."""
        varying = [name in self.program.varying for name in item.sources]
        held = [self.frame.values[name] for name in item.sources]
        sources = [value if flag else value[None] for value, flag in zip(held, varying, strict=True)]
        for index in range(count) if self.watchers else ():
            for probe in self.watchers:
                probe.sources(item, first + index, [at(x, index) for x in sources])
        if any(probe.sees_spikes for probe in self.settings.probes):
            return self._scan_seen(item, sources, varying, first, count)
        dynamics, neuron = self.settings.dynamics, self._neurons[item.output]
        target, clamp = self._aim(item, body, sources, varying)
        state = self.states.get(item.output) or dynamics.init(target[0].to(self.program.wide))
        narrow = self.program.dtype if item.output in self.program.narrow else None
        scanned = scan(dynamics, target, state, count, first, neuron, clamp, narrow)
        self.states[item.output] = scanned.state
        self._resting = self._resting and scanned.still
        for probe in self.settings.probes:
            probe.count(item, first, scanned.events, scanned.values[0])
        # a shape of its own for every number of rows would be compiled anew
        return extended(scanned.values, count) if self.program.compile_regions else scanned.values

    def _aim(
        self, item: Population, prepared: PreparedBody | None, sources: list[Tensor], varying: list[bool]
    ) -> tuple[Tensor, Clamp | None]:
        """Return what the dynamics follows, [n, ...]: the input where it rectifies, else f(x), a last clip apart."""
        if self.settings.dynamics.rectifies:
            return sources[0], None
        if prepared:
            values = [x if flag else x[0] for x, flag in zip(sources, varying, strict=True)]
            values += [self.frame.values[name] for name in item.constants]
            target = prepared.target(values, self.program.wide, self.program.device)
            return target if any(varying) else target[None], prepared.clamp
        body, result, clamp = item.clamped(self.frame) or (item.body, item.result, None)
        return self._target(item, body, result, sources, varying), clamp

    def _scan_seen(
        self, item: Population, sources: list[Tensor], varying: list[bool], first: int, count: int
    ) -> Tensor:
        """Return the estimates [count, ...] of a population, step by step, for probes that see spikes."""
        dynamics, self._resting = self.settings.dynamics, False
        target = self._target(item, item.body, item.result, sources, varying)
        state = self.states.get(item.output) or dynamics.init(target[0].to(self.program.wide))
        aim = sources[0].to(self.program.wide) if dynamics.rectifies else target
        states, spikes = scan_by_steps(dynamics, aim, state, count, first, self._neurons[item.output])
        self.states[item.output] = states[-1]
        for i, (after, spike) in enumerate(zip(states, spikes, strict=True)):
            for probe in self.settings.probes:
                probe.population(item, first + i, spike, after, at(target, i))
        return torch.stack([after.v for after in states])

    def _target(
        self, item: Population, body: Sequence[Call], result: str, sources: list[Tensor], varying: list[bool]
    ) -> Tensor:
        """Return what `body`, all or part of the population's, makes of its sources: [n, ...]."""
        given = [x if flag else x[0] for x, flag in zip(sources, varying, strict=True)]
        constants = [self.frame.values[name] for name in item.constants]
        formal = dict(zip(item.formal, (*given, *constants), strict=True))
        if not body:  # in the type that it has: kernels read halves
            value: Tensor = formal[result]
            return value if any(varying) else value[None]
        host = item.listed(self.frame)

        def function(*values: Tensor) -> Tensor:
            frame = Frame(self.program.wide, self.program.device, dict(zip(formal, values, strict=True)), dict(host))
            moving = {name for name, flag in zip(item.formal, varying, strict=False) if flag}
            for inner in body:
                flags = [name in moving for name in inner.inputs]
                arguments = [fetch(inner, frame, i) for i in range(len(inner.inputs))]
                if any(flags):
                    moving.update(inner.outputs)
                mapped = map_call(inner, arguments, flags) if any(flags) else compute(inner, arguments)
                bind_outputs(inner, frame, mapped)
            answer: Tensor = frame.get(result)
            return answer

        target = compute_region(self.program, f"{item.output}.{result}", function, list(formal.values()))
        return target if any(varying) else target[None]

    def _encode(self, first: int, count: int) -> None:
        """Bind the estimates [count, ...] of the spiking inputs."""
        encoder = self.settings.encoder
        for stream, name in enumerate(self.program.defaults.spiking_inputs):
            if encoder is None:
                raise RuntimeError("a model with spiking inputs runs with an encoder")
            target = self._raw[name].to(self.program.wide)
            neuron = Neuron(float(self.settings.input_scales.get(name, 1.0)), stream=stream)
            state = self.inputs.get(name) or encoder.init(target)
            states, _ = scan_by_steps(encoder, target[None], state, count, first, neuron)
            self.inputs[name] = states[-1]
            self.frame.set(name, torch.stack([after.v for after in states]))

    def _at(self, index: int) -> Frame:
        """Return a frame with the values of step `index` of the chunk."""
        values = dict(self.frame.values)
        values.update((name, at(values[name], index)) for name in self.program.varying & values.keys())
        return Frame(self.frame.dtype, self.frame.device, values, dict(self.frame.host))

    def _show(self, item: Call, first: int, count: int) -> None:
        """Show a synapse to the probes, step by step."""
        moving = {n: self.frame.values[n] for n, flag in zip(item.inputs, item.varying, strict=True) if flag}
        for index in range(count):
            values = {name: at(value, index) for name, value in moving.items()}
            now = Frame(self.frame.dtype, self.frame.device, values, self.frame.host)
            for probe in self.settings.probes:
                probe.synapse(item, first + index, now, self.frame, False)
