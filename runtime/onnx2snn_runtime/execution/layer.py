"""Executor `layer`: computes a population's whole chunk of time steps at once, so weights are read once a chunk.

Within a step, populations are updated in topological order from the estimates of the same step. A population's
estimates over a chunk thus depend only on its predecessors over the same chunk and on its own state, and can be
computed layer by layer instead of step by step, with the same results.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import torch

from onnx2snn_runtime.execution.base import EXECUTORS, Execution
from onnx2snn_runtime.execution.chunk_frames import frame_at
from onnx2snn_runtime.execution.moving import moving_program
from onnx2snn_runtime.execution.over_time import map_call
from onnx2snn_runtime.execution.plan import BoundCall, bound_plan, generic_plan
from onnx2snn_runtime.execution.scans import Scanning
from onnx2snn_runtime.execution.values import ValueExecution
from onnx2snn_runtime.kernels.base import scan_by_steps
from onnx2snn_runtime.program.interpreter import Call, Tensor, bind_outputs, call, compute, gather
from onnx2snn_runtime.program.population import Population


@EXECUTORS.register("layer")
class LayerExecution(Scanning):
    """Computes one chunk of time steps after the other; memory grows with the size of the chunk, not with time."""

    delayed: ClassVar[type[Execution]] = ValueExecution

    moving: frozenset[str] = frozenset()
    """The inputs that are given for every time step of a chunk, [steps, ...]."""

    def set_inputs(self, inputs: Mapping[str, Tensor]) -> None:
        """Set the inputs from the next step on."""
        super().set_inputs(inputs)
        self._settled = False

    def run(
        self, inputs: Mapping[str, Tensor], varying: Sequence[str], steps: Sequence[int]
    ) -> dict[int, dict[str, Tensor]]:
        """Return the outputs after each of `steps`."""
        if varying:
            return self._run_moving(inputs, varying, steps)
        self.set_inputs(inputs)
        outputs: dict[int, dict[str, Tensor]] = {}
        while self.t < steps[-1]:
            count = min(self.settings.chunk or steps[-1], steps[-1] - self.t)
            outputs |= self.run_steps(count, steps)
        return outputs

    def _run_moving(
        self, inputs: Mapping[str, Tensor], varying: Sequence[str], steps: Sequence[int]
    ) -> dict[int, dict[str, Tensor]]:
        """Return the outputs after each of `steps`, of inputs that move: a chunk of frames at once.

        Where probes look at synapses, whose values are from what the inputs are, it is one frame at a time, and so it
        is where a decoder shows a bias little by little.
        """
        alone = bool(self.synapse_probes) or any(self.settings.dynamics.bias(t) != 1.0 for t in (1, steps[-1]))
        self.moving = frozenset() if alone else frozenset(varying)
        if not alone:
            self.program = moving_program(self.program, varying)
        outputs: dict[int, dict[str, Tensor]] = {}
        while self.t < steps[-1]:
            count = 1 if alone else min(self.settings.chunk or steps[-1], steps[-1] - self.t)
            frames = {name: inputs[name][self.t : self.t + count] for name in varying}
            self.set_inputs({**inputs, **{name: x[0] if alone else x for name, x in frames.items()}})
            outputs |= self.run_steps(count, steps)
        return outputs

    def run_steps(self, count: int, wanted: Iterable[int]) -> dict[int, dict[str, Tensor]]:
        """Make `count` time steps at once and return the outputs after those in `wanted`."""
        first = self.t + 1
        self._advance(count)
        return {
            t: self.decode_outputs(frame_at(self.frame, self.program.varying, t - first), t)
            for t in wanted
            if first <= t <= self.t
        }

    def _advance(self, count: int) -> None:
        """Make `count` time steps; once all populations have settled, none is computed."""
        first = self.t + 1
        if self._settled and not self.settings.encoder:
            self._skip_settled(first, count)
            return
        self._settled = True
        self._encode(first, count)
        for step in self.plan or generic_plan(self.program, self.frame):
            item, bound, released = step.item, step.call, step.released
            if isinstance(item, Population):
                self.frame.set(item.output, self._scan(item, step, first, count))
            elif bound:
                self._show_synapse(item, first, count)
                self._call_bound(item, bound)
            else:
                self._map_over_time(item, first, count)
            for name in released:
                self.frame.values.pop(name, None)
        if not self.plan:
            self.plan = bound_plan(self.program, self.frame)
            self.program.shapes.store(self.frame, self._raw, self._constants, self.plan)
        for item in self.observed_tail():
            self._map_over_time(item, first, count)
        self.t += count

    def _skip_settled(self, first: int, count: int) -> None:
        """Make `count` time steps in which every population is silent."""
        for item in self.program.populations:
            for probe in self.settings.probes:
                probe.count(item, first, torch.zeros(count, dtype=torch.int64), self.states[item.output].v)
        self.t += count

    def _call_bound(self, item: Call, bound: BoundCall) -> None:
        """Compute a synapse whose constant arguments are bound."""
        bound.run(self.frame)

    def _map_over_time(self, item: Call, first: int, count: int) -> None:
        """Compute a synapse for the chunk; outputs that depend only on shapes of time-varying values, once."""
        arguments = gather(item, self.frame)
        if not any(name in self.program.varying for name in item.outputs):
            arguments = [a[0] if flag else a for a, flag in zip(arguments, item.varying, strict=True)]
            bind_outputs(item, self.frame, compute(item, arguments))
            return
        self._show_synapse(item, first, count)
        if any(item.varying):
            bind_outputs(item, self.frame, map_call(item, arguments, item.varying))
        else:
            call(item, self.frame)

    def _encode(self, first: int, count: int) -> None:
        """Compute and bind the estimates [count, ...] of the spiking inputs."""
        encoder = self.settings.encoder
        for stream, name in enumerate(self.program.defaults.spiking_inputs):
            if encoder is None:
                raise RuntimeError("a model with spiking inputs runs with an encoder")
            target = self._raw[name].to(self.program.wide)
            neuron = self.settings.input_neuron(name, stream)
            target = target if name in self.moving else target[None]
            state = self.inputs.get(name) or encoder.init(target[0])
            states, spikes = scan_by_steps(encoder, target, state, count, first, neuron)
            for probe in self.synapse_probes:
                for i, spike in enumerate(spikes):
                    probe.encoded(name, first + i, spike, neuron)
                if name in probe.sending:
                    probe.sent(name, torch.stack(spikes))
            self.inputs[name] = states[-1]
            self.frame.set(name, torch.stack([after.v for after in states]))

    def _show_synapse(self, item: Call, first: int, count: int) -> None:
        """Pass a synapse that is observed to the probes."""
        for probe in self.synapse_probes if item.outputs[0] in self.observed else ():
            probe.synapses(item, first, count, self.frame)
