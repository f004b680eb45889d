"""Early exit: a sample that is finished leaves its batch, and the rest goes on without it.

settled   nothing moves any more: the last step was silent for the sample in every population. With dynamics that settle
          and an input that stands still nothing will move again, so the results are those of the full run.
stable    the output's top-1 has been the same for `stable_steps` steps; the result is that of the step it left at.

Whether samples are finished is looked at between chunks of `every` time steps, the only place where the host waits. A
batch that is fixed, or whose populations mix its samples, stays whole until all of it is finished.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from onnx2snn_runtime.batches.exit_rules import Exit, top_one
from onnx2snn_runtime.execution.base import Execution
from onnx2snn_runtime.execution.step import StepExecution
from onnx2snn_runtime.program.interpreter import Tensor

NEVER = 1 << 40
"""A step that is not reached."""

MANY = -1
"""In place of an axis: there is no single one."""

Outputs = dict[int, dict[str, Tensor]]


def run_until_finished(
    execution: Execution, inputs: Mapping[str, Tensor], steps: Sequence[int], rule: Exit
) -> tuple[Outputs, Tensor]:
    """Return the outputs after each of `steps`, and the number of steps that each sample of the batch took."""
    running = _Running(execution, inputs, rule)
    outputs: Outputs = {}
    while running.execution.t < steps[-1] and running.going:
        t = running.execution.t
        count = rule.chunk(t, steps[-1], execution.settings.chunk)
        made = running.advance(count)
        outputs |= {s: made[s] for s in steps if t < s <= t + count}
    for step in steps:
        outputs.setdefault(step, running.whole)
    taken = running.taken
    return outputs, torch.where(taken == 0, steps[-1], taken).cpu()


class _Running:
    """A batch of which samples leave: the execution holds the samples `rows`, of which those in `open` still count."""

    def __init__(self, execution: Execution, inputs: Mapping[str, Tensor], rule: Exit) -> None:
        self.execution, self.rule, self.going = execution, rule, True
        batched = [port.name for port in execution.program.inputs if port.shape]
        batch = len(inputs[batched[0]]) if batched else 1
        self.axes = batch_axes(execution, inputs, batch)
        execution.feed(inputs)
        self.rows = torch.arange(batch, device=execution.program.device)
        self.open = torch.ones_like(self.rows, dtype=torch.bool)
        self.taken = torch.zeros_like(self.rows)
        self.whole: dict[str, Tensor] = {}
        self._top: Tensor | None = None
        self._same = torch.zeros_like(self.rows)

    def advance(self, count: int) -> Outputs:
        """Make `count` steps, let the finished samples go, and return the whole batch's outputs after each step."""
        made, leaving = self._until_settled(count) if self.rule.rule == "settled" else self._until_stable(count)
        outputs = {}
        for t, out in made.items():
            self.whole = self._merged(out, self.open & (leaving >= t))
            outputs[t] = self.whole
        finished = self.open & (leaving <= self.execution.t)
        self.taken[self.rows] = torch.where(finished, leaving, self.taken[self.rows])
        self.open = self.open & ~finished
        staying, left = int(self.open.sum()), bool(finished.any())
        self.going = staying > 0
        if self.going and left and self.axes is not None:
            self._leave()
        return outputs

    def _until_settled(self, count: int) -> tuple[Outputs, Tensor]:
        """Make `count` steps; return the outputs, and when each sample leaves: now, if the last step was silent."""
        t = self.execution.t
        made = self.execution.span(count - 1, range(t + 1, t + count)) if count > 1 else {}
        before = dict(self.execution.states)
        made |= self.execution.span(1, [t + count])
        moved = torch.zeros_like(self.open)
        for name, now in self.execution.states.items():
            changes = now.v != (before[name].v if name in before else 0.0)
            axis = self.axes[name] if self.axes is not None else None
            moved = moved | (changes.any() if axis is None else _any_along(changes, axis))
        return made, torch.where(moved, NEVER, t + count)

    def _until_stable(self, count: int) -> tuple[Outputs, Tensor]:
        """Make `count` steps; return the outputs, and when each sample leaves: once its top-1 was long the same."""
        t = self.execution.t
        made = self.execution.span(count, range(t + 1, t + count + 1))
        leaving = torch.full_like(self.rows, NEVER)
        for step, out in made.items():
            top = top_one(out, len(self.rows))
            same = (top == self._top).all(1) if self._top is not None else torch.zeros_like(self.open)
            self._top, self._same = top, torch.where(same, self._same + 1, 1)
            leaving = torch.where((self._same >= self.rule.stable_steps) & (leaving > step), step, leaving)
        return made, leaving

    def _merged(self, out: Mapping[str, Tensor], fresh: Tensor) -> dict[str, Tensor]:
        """Return the outputs of the whole batch, those of the samples marked in `fresh` from `out`."""
        whole = {}
        for name, value in out.items():
            before = self.whole.get(name)
            if before is None or value.shape[:1] != fresh.shape:
                whole[name] = value
                continue
            mask = fresh.reshape(-1, *[1] * (value.ndim - 1))
            whole[name] = before.index_copy(0, self.rows, torch.where(mask, value, before[self.rows]))
        return whole

    def _leave(self) -> None:
        """Go on with the samples in `open` alone."""
        kept = self.open.nonzero().flatten()
        if self.axes is not None:
            self.execution = self.execution.kept(kept, self.axes, len(self.rows))
        self.rows, self.open, self._same = self.rows[kept], self.open[kept], self._same[kept]
        self._top = self._top[kept] if self._top is not None else None


def _any_along(marks: Tensor, axis: int) -> Tensor:
    """Return which entries along `axis` have a mark, [entries]: of one mark an entry, or of many."""
    others = [i for i in range(marks.ndim) if i != axis]
    return marks.any(dim=others) if others else marks


def batch_axes(execution: Execution, inputs: Mapping[str, Tensor], batch: int) -> dict[str, int | None] | None:
    """Return the axis of every population that its samples lie along (None: it has none), None where that is unclear.

    Found by comparing the shapes for one sample with those for two, each run for a step. It is unclear, too, where an
    output has its samples elsewhere than in front, or where a value of theirs has no such axis: it joins the samples.
    """
    program = execution.program
    if program.defaults.batch or batch == 1:
        return None
    (states, outputs), (more_states, more_outputs) = (_shapes(execution, inputs, size) for size in (1, 2))
    if any(_axis(shape, more_outputs[name]) != 0 for name, shape in outputs.items()):
        return None
    axes = {name: _axis(shape, more_states[name]) for name, shape in states.items()}
    joined = None in axes.values() and all(port.shape for port in program.inputs)
    watched = any(axis not in (0, None) for axis in axes.values()) and bool(execution.watchers)
    if joined or watched or MANY in axes.values():
        return None
    return axes


def _shapes(
    execution: Execution, inputs: Mapping[str, Tensor], size: int
) -> tuple[dict[str, torch.Size], dict[str, torch.Size]]:
    """Return the shapes of the populations and of the outputs for the first `size` samples."""
    program = execution.program
    probe = StepExecution(program, replace(execution.settings, probes=()))
    given = {p.name: inputs[p.name][:size] if p.shape else inputs[p.name] for p in program.inputs}
    outputs = probe.run(given, [], [1])[1]
    states = {name: state.v.shape for name, state in probe.states.items()}
    return states, {name: value.shape for name, value in outputs.items()}


def _axis(one: Sequence[int], two: Sequence[int]) -> int | None:
    """Return the axis that is 1 for one sample and 2 for two, None where nothing differs, MANY for anything else."""
    if len(one) != len(two):
        return MANY
    differing = [i for i, (a, b) in enumerate(zip(one, two, strict=True)) if a != b]
    if len(differing) > 1 or any((one[i], two[i]) != (1, 2) for i in differing):
        return MANY
    return differing[0] if differing else None
