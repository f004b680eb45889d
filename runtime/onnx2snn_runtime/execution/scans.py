"""How the executor `layer` scans a population over a chunk of time steps: by a kernel, or step by step for probes."""

from collections.abc import Sequence
from typing import Any

import torch

from onnx2snn_runtime.execution.base import Execution, Settings
from onnx2snn_runtime.execution.compiled_bodies import compute_body
from onnx2snn_runtime.execution.found_kernels import kernels_of, kind
from onnx2snn_runtime.execution.plan import BoundBody, PlanStep
from onnx2snn_runtime.execution.probe import Probe
from onnx2snn_runtime.kernels.base import Ask, Clamp, Scanned, scan, scan_by_steps
from onnx2snn_runtime.kernels.chunks import at, extended
from onnx2snn_runtime.kernels.tallied import Tallied
from onnx2snn_runtime.program.interpreter import Call, Tensor
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program


class Scanning(Execution):
    """An execution that scans a whole chunk of time steps of a population at once."""

    def __init__(self, program: Program, settings: Settings) -> None:
        super().__init__(program, settings)
        self._settled = False
        """Whether every population was silent in the last chunk and will be until the inputs change."""
        self._counter = next((probe for probe in settings.probes if probe.takes_sums), None)
        self._by_steps = any(probe.needs_spikes for probe in settings.probes if probe is not self._counter)
        self._observing = [probe for probe in settings.probes if probe.needs_values or probe is self._counter]
        self._kernels = kernels_of(program, settings.dynamics)
        tallies = self._counter is None or self._kernels.tallies(program.wide, program.device)
        self._repeats = program.device.type == "cpu" and tallies
        """Whether equal populations are scanned by one call, see `found_kernels`."""

    def _scan(self, item: Population, plan: PlanStep, first: int, count: int) -> Tensor:
        """Return the estimates [n <= count, ...] of a population, from its sources over the chunk: see `chunks`."""
        held, varying = self.frame.values, plan.flags
        sources = [held[name] if flag else held[name][None] for name, flag in zip(item.sources, varying, strict=True)]
        for index in range(count) if item.output in self.observed else ():
            for probe in self.synapse_probes:
                probe.sources(item, first + index, [at(x, index) for x in sources], self.frame)
        if self._by_steps:
            scanned = self._scan_by_steps(item, sources, varying, first, count, self.settings.probes)
        else:
            scanned = self._again(item, plan, sources, first, count)
        self._tell(item, first, scanned)
        self.keep(item, scanned)
        if self._by_steps:
            return scanned.values
        for probe in self.settings.probes:
            probe.count(item, first, scanned.events, scanned.values[0])
        # a shape of its own for every number of rows would be compiled anew
        return extended(scanned.values, count) if self.program.compile_regions else scanned.values

    def _again(self, item: Population, plan: PlanStep, sources: list[Tensor], first: int, count: int) -> Scanned:
        """Scan a population by the call of an earlier one of its kind if there is one."""
        bound, tallied = plan.function if self._repeats else None, None
        if bound is not None and self._counter is not None:
            tallied = self._counter.tallied(item, sources[0].shape[1:])
            bound = None if tallied is None else bound
        if bound is None:
            return self._scan_chunk(item, plan, sources, None, first, count)
        spare = self._spare(item, plan)
        when = None if self.settings.dynamics.settles else first
        key = kind(count, when, self.neurons[item.output], bound, sources, spare)
        state = self.states.get(item.output)
        ready = self._kernels.again(key, state)
        if ready:
            return ready.scan(sources, state, tallied, self._sends(item))
        return self._scan_chunk(item, plan, sources, key, first, count)

    def _tell(self, item: Population, first: int, scanned: Scanned) -> None:
        """Show the probe that takes sums what was tallied, and what was sent."""
        if self._counter is not None and scanned.sums is not None:
            self._counter.sums(item, first, scanned.sums)
        if self._counter is not None and scanned.sent is not None:
            self._counter.sent(item.output, scanned.sent)

    def _sends(self, item: Population) -> bool:
        return self._counter is not None and item.output in self._counter.sending

    def _spare(self, item: Population, plan: PlanStep) -> tuple[int, ...]:
        """Return the sources that may be written over: a probe may keep what it was shown."""
        return () if item.output in self.observed else plan.spare

    def _scan_chunk(
        self, item: Population, plan: PlanStep, sources: list[Tensor], key: Any, first: int, count: int
    ) -> Scanned:
        """Scan a population; a call that others of its kind can make as well is kept under `key`."""
        dynamics, neuron, spare = self.settings.dynamics, self.neurons[item.output], tuple[int, ...]()
        bound = self._kernels.function(plan.function, sources)
        if bound is not None:
            target, clamp, function = sources[0], bound.clamp, bound.function.of(sources[1:])
            spare = self._spare(item, plan)
        else:
            (target, clamp), function = self._dynamics_input(item, plan.body, sources, plan.flags), None
        tallied = self._tallied(item, target)
        if tallied is None and self._counter is not None and self._counter.needs_spikes:
            return self._scan_by_steps(item, sources, plan.flags, first, count, [self._counter])
        state = self.states.get(item.output) or self._kernels.start(item, target[0])
        narrow = self.program.dtype if item.output in self.program.narrow and not self._observing else None
        kernel = self._kernels.find(target)
        if bound is not None and key is not None:
            self._kernels.keep(key, neuron, bound, sources, Ask(clamp, narrow, function, spare), first)
        scanned = scan(
            dynamics, target, state, count, first, neuron, clamp, narrow, function, spare, kernel, tallied,
            tallied is not None and self._sends(item),
        )  # fmt: skip
        for probe in self._observing if tallied is None else ():
            probe.values(item, first, scanned.values, state.v)
        return scanned

    def _tallied(self, item: Population, target: Tensor) -> Tallied | None:
        """Return what a kernel is to tally of what `item` sends towards `target` [n, ...]; None: it does not."""
        if self._counter is None or not self._kernels.tallies(self.program.wide, target.device):
            return None
        return self._counter.tallied(item, target.shape[1:])

    def keep(self, item: Population, scanned: Scanned) -> None:
        """Keep the state of `item` after a chunk."""
        super().keep(item, scanned)
        self._settled = self._settled and scanned.settled

    def _dynamics_input(
        self, item: Population, bound: BoundBody | None, sources: list[Tensor], varying: Sequence[bool]
    ) -> tuple[Tensor, Clamp | None]:
        """Return the input of the dynamics, [n, ...], and a clip that the kernel applies to it.

        The input is x for dynamics that rectify, else f(x); a clip at the end of f is left to the kernel.
        """
        if self.settings.dynamics.rectifies:
            x = sources[0]
            if item.reshapes:
                x = x.reshape(self._target(item, item.body, item.result, sources, varying).shape)
            return x, None
        if bound:
            values = [x if flag else x[0] for x, flag in zip(sources, varying, strict=True)]
            values += [self.frame.values[name] for name in item.constants]
            target = item.checked(bound.target(values, self.program.wide, self.program.device))
            return target if any(varying) else target[None], bound.clamp
        body, result, clamp = item.clamped(self.frame) or (item.body, item.result, None)
        return self._target(item, body, result, sources, varying), clamp

    def _scan_by_steps(
        self,
        item: Population,
        sources: list[Tensor],
        varying: Sequence[bool],
        first: int,
        count: int,
        probes: Sequence[Probe],
    ) -> Scanned:
        """Scan a population over a chunk step by step, for `probes` that need spikes."""
        dynamics = self.settings.dynamics
        target = self._target(item, item.body, item.result, sources, varying)
        state = self.states.get(item.output) or self._kernels.start(item, target[0])
        driven_by = sources[0].to(self.program.wide).reshape(target.shape) if dynamics.rectifies else target
        states, spikes = scan_by_steps(dynamics, driven_by, state, count, first, self.neurons[item.output])
        for i, (after, spike) in enumerate(zip(states, spikes, strict=True)):
            for probe in probes:
                probe.population(item, first + i, spike, after, at(target, i))
        events = torch.stack([torch.count_nonzero(spike) for spike in spikes])
        sent = torch.stack(spikes) if self._sends(item) else None
        return Scanned(torch.stack([after.v for after in states]), events, states[-1], sent=sent)

    def _target(
        self, item: Population, body: Sequence[Call], result: str, sources: list[Tensor], varying: Sequence[bool]
    ) -> Tensor:
        """Return the value `result` that `body`, all or part of the population's function, computes: [n, ...]."""
        target = item.checked(compute_body(self.program, self.frame, item, body, result, sources, varying))
        return target if any(varying) else target[None]
