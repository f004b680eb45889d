"""Early exit: finished samples are removed from their batch, and the others continue without them.

settled   no population and no encoder sent a spike for the sample in the last step. With dynamics that settle and a
          constant input no estimate changes again, so the result is that of the full run.
stable    the top-1 of the output was the same for `stable_steps` steps; the result is that of the exit step.

Samples are checked between chunks of `every` time steps, the only place where the host waits for the device. A batch
of a fixed size, or whose populations mix its samples, is run as a whole until all of its samples are finished.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from onnx2snn_runtime.batches.exit_rules import EarlyExit, top_one
from onnx2snn_runtime.execution.base import Execution
from onnx2snn_runtime.execution.continuing import with_samples
from onnx2snn_runtime.execution.values import ValueExecution
from onnx2snn_runtime.program.interpreter import Tensor

NEVER = 1 << 40
"""The exit step of a sample that is not finished: larger than any time step."""

MANY = -1
"""In place of a batch axis: there is more than one candidate."""

Outputs = dict[int, dict[str, Tensor]]


def run_until_finished(
    execution: Execution, inputs: Mapping[str, Tensor], steps: Sequence[int], rule: EarlyExit
) -> tuple[Outputs, Tensor, Execution]:
    """Return the outputs after each of `steps`, the number of steps of each sample, and the execution of those left."""
    batch = _ShrinkingBatch(execution, inputs, rule)
    outputs: Outputs = {}
    while batch.execution.t < steps[-1] and batch.running:
        t = batch.execution.t
        count = rule.chunk(t, steps[-1], execution.settings.chunk)
        made = batch.advance(count)
        outputs |= {s: made[s] for s in steps if t < s <= t + count}
    for step in steps:
        outputs.setdefault(step, batch.outputs)
    steps_taken = batch.steps_taken
    return outputs, torch.where(steps_taken == 0, steps[-1], steps_taken).cpu(), batch.execution


class _ShrinkingBatch:
    """A batch from which finished samples are removed.

    The execution holds the samples with the indices `rows`; `active` marks those of them that are not finished.
    `outputs` are the latest outputs of the whole batch.
    """

    def __init__(self, execution: Execution, inputs: Mapping[str, Tensor], rule: EarlyExit) -> None:
        self.execution, self.rule, self.running = execution, rule, True
        batch = execution.program.axes.count({name: value.shape for name, value in inputs.items()})
        self.axes = batch_axes(execution, inputs, batch)
        execution.set_inputs(inputs)
        self.rows = torch.arange(batch, device=execution.program.device)
        self.active = torch.ones_like(self.rows, dtype=torch.bool)
        self.steps_taken = torch.zeros_like(self.rows)
        self.outputs: dict[str, Tensor] = {}
        self._top_one: Tensor | None = None
        self._stable_for = torch.zeros_like(self.rows)

    def advance(self, count: int) -> Outputs:
        """Make `count` steps, remove the finished samples, and return the whole batch's outputs after each step."""
        made, exit_step = self._run_settled(count) if self.rule.rule == "settled" else self._run_stable(count)
        outputs = {}
        for t, out in made.items():
            self.outputs = self._merged(out, self.active & (exit_step >= t))
            outputs[t] = self.outputs
        finished = self.active & (exit_step <= self.execution.t)
        self.steps_taken[self.rows] = torch.where(finished, exit_step, self.steps_taken[self.rows])
        self.active = self.active & ~finished
        remaining, leaving = counted(self.active, finished)
        self.running = remaining > 0
        if self.running and leaving and self.axes is not None:
            self._remove_finished()
        return outputs

    def _run_settled(self, count: int) -> tuple[Outputs, Tensor]:
        """Make `count` steps; return the outputs and each sample's exit step: the last one, if it was silent."""
        t = self.execution.t
        made = self.execution.run_steps(count - 1, range(t + 1, t + count)) if count > 1 else {}
        before = self._followed()
        made |= self.execution.run_steps(1, [t + count])
        changed = torch.zeros_like(self.active)
        for name, (now, axis) in self._followed().items():
            last = before[name][0] if name in before else torch.zeros_like(now)
            changes = (now != last) & ~(now.isnan() & last.isnan())
            changed = changed | (changes.any() if axis is None else _any_per_entry(changes, axis))
        return made, torch.where(changed, NEVER, t + count)

    def _followed(self) -> dict[tuple[str, str], tuple[Tensor, int | None]]:
        """Return the estimates of populations and encoders, with their batch axes (None: all samples go together)."""
        axes, along = self.axes, {port.name: port.axis for port in self.execution.program.inputs}
        states = {
            ("population", name): (state.v, None if axes is None else axes[name])
            for name, state in self.execution.states.items()
        }
        return states | {
            ("encoder", name): (state.v, None if axes is None else along[name])
            for name, state in self.execution.inputs.items()
        }

    def _run_stable(self, count: int) -> tuple[Outputs, Tensor]:
        """Make `count` steps; return the outputs and each sample's exit step: when its top-1 became stable."""
        t = self.execution.t
        made = self.execution.run_steps(count, range(t + 1, t + count + 1))
        exit_step = torch.full_like(self.rows, NEVER)
        for step, out in made.items():
            top = top_one(out, len(self.rows), self.execution.program.axes)
            same = (top == self._top_one).all(1) if self._top_one is not None else torch.zeros_like(self.active)
            self._top_one, self._stable_for = top, torch.where(same, self._stable_for + 1, 1)
            stable = self._stable_for >= self.rule.stable_steps
            exit_step = torch.where(stable & (exit_step > step), step, exit_step)
        return made, exit_step

    def _merged(self, out: Mapping[str, Tensor], updated: Tensor) -> dict[str, Tensor]:
        """Return the outputs of the whole batch, with those of the samples marked in `updated` taken from `out`."""
        merged = {}
        for name, value in out.items():
            before = self.outputs.get(name)
            if before is None or value.shape[:1] != updated.shape:
                merged[name] = value
                continue
            mask = updated.reshape(-1, *[1] * (value.ndim - 1))
            merged[name] = before.index_copy(0, self.rows, torch.where(mask, value, before[self.rows]))
        return merged

    def _remove_finished(self) -> None:
        """Continue with the active samples only."""
        kept = places(self.active)
        if self.axes is not None:
            self.execution = with_samples(self.execution, kept, self.axes, len(self.rows))
        self.rows, self.active, self._stable_for = self.rows[kept], self.active[kept], self._stable_for[kept]
        self._top_one = self._top_one[kept] if self._top_one is not None else None


def counted(*flags: Tensor) -> list[int]:
    """Return how many of each of `flags` are set; the host waits for the device once."""
    counts: list[int] = torch.stack([each.sum() for each in flags]).tolist()
    return counts


def places(flags: Tensor) -> Tensor:
    """Return the indices of those of `flags` that are set; the host waits to learn how many there are."""
    return flags.nonzero().flatten()


def _any_per_entry(flags: Tensor, axis: int) -> Tensor:
    """Return, for each entry along `axis`, whether any of its `flags` is set, [entries]."""
    others = [i for i in range(flags.ndim) if i != axis]
    return flags.any(dim=others) if others else flags


def batch_axes(execution: Execution, inputs: Mapping[str, Tensor], batch: int) -> dict[str, int | None] | None:
    """Return the batch axis of each population's state (None: no batch axis), or None if it cannot be determined.

    Found by running one step with one sample and one with two, and comparing the shapes. It cannot be determined
    either if an output has its batch axis not in front, or if a state has none, because it mixes the samples.
    """
    program = execution.program
    if program.defaults.batch or program.axes.joint or batch == 1:
        return None
    (states, outputs), (more_states, more_outputs) = (_shapes(execution, inputs, size) for size in (1, 2))
    if any(_axis(shape, more_outputs[name]) != 0 for name, shape in outputs.items()):
        return None
    axes = {name: _axis(shape, more_states[name]) for name, shape in states.items()}
    mixed = None in axes.values() and all(port.axis is not None for port in program.inputs)
    unsupported = any(axis not in (0, None) for axis in axes.values()) and bool(execution.synapse_probes)
    if mixed or unsupported or MANY in axes.values():
        return None
    return axes


def _shapes(
    execution: Execution, inputs: Mapping[str, Tensor], size: int
) -> tuple[dict[str, torch.Size], dict[str, torch.Size]]:
    """Return the shapes of the populations' states and of the outputs for the first `size` samples."""
    program = execution.program
    probe = ValueExecution(program, replace(execution.settings, probes=()))
    given, _ = next(program.axes.split(inputs, size))
    outputs = probe.run(given, [], [1])[1]
    states = {name: state.v.shape for name, state in probe.states.items()}
    return states, {name: value.shape for name, value in outputs.items()}


def _axis(one: Sequence[int], two: Sequence[int]) -> int | None:
    """Return the axis of size 1 in shape `one` and 2 in shape `two`; None if the shapes are equal, MANY otherwise."""
    if len(one) != len(two):
        return MANY
    differing = [i for i, (a, b) in enumerate(zip(one, two, strict=True)) if a != b]
    if len(differing) > 1 or any((one[i], two[i]) != (1, 2) for i in differing):
        return MANY
    return differing[0] if differing else None
