"""Frames in two passes: a coarse one for all streams, and a fine one for those whose answer is not sure.

An answer whose largest class is far above the second needs no precision. So a frame is first computed with dead zones
and least spikes 2^coarse times as large; the streams whose margin is below what is asked for take as many time steps
again with those that the network has. What the coarse pass said is part of the estimates that the fine one goes on
from, and nothing is said twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from onnx2snn_runtime.batches.early_exit import batch_axes
from onnx2snn_runtime.batches.exit_rules import margins
from onnx2snn_runtime.dynamics.base import State
from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.execution.base import Execution, Settings
from onnx2snn_runtime.execution.continuing import under, with_samples
from onnx2snn_runtime.probing.counting import OperationCounter
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.real_samples import chosen

Axes = Mapping[str, int | None]
Outputs = dict[str, Tensor]


@dataclass(frozen=True)
class Refining:
    """`coarse` octaves, and the `margin` below which a frame is refined; a margin of 0 refines none."""

    coarse: int
    margin: float

    def __post_init__(self) -> None:
        if not self.margin >= 0:
            raise InputError(f"the margin is {self.margin!r}: give by how much an answer has to lead, 0 or more")

    def of_first_pass(self, settings: Settings) -> Settings:
        """Return the settings of the coarse pass; dynamics without levels raise InputError."""
        dynamics, encoder = settings.dynamics, settings.encoder
        if not isinstance(dynamics, Differential):
            raise InputError(
                f"coarse passes are of the dynamics 'differential', not of {type(dynamics).__name__}: leave coarse out"
            )
        coding = replace(encoder, coarse=self.coarse) if isinstance(encoder, Differential) else encoder
        return replace(settings, dynamics=replace(dynamics, coarse=self.coarse), encoder=coding)

    def unsure(self, outputs: Outputs, execution: Execution, samples: int) -> list[int]:
        """Return the streams whose answer has to be refined; NaN is not sure."""
        axes = execution.program.axes
        batch = max(samples, axes.size)
        sure = margins(outputs, batch, axes)[:samples] >= self.margin
        return [index for index, is_sure in enumerate(sure.tolist()) if not is_sure]


@dataclass
class Pass:
    """What a fine pass made: `outputs` of all streams, and `refined`, the streams that took it."""

    outputs: Outputs
    refined: tuple[int, ...]


def axes_of_streams(execution: Execution) -> Axes | None:
    """Return the axis of the streams of each population's state, None where they cannot be told apart."""
    return batch_axes(execution, execution.given, _count(execution))


def _count(execution: Execution) -> int:
    return execution.program.axes.count({name: value.shape for name, value in execution.given.items()})


def refine(
    execution: Execution, settings: Settings, outputs: Outputs, rows: list[int], steps: int, axes: Axes | None
) -> Pass:
    """Let the streams `rows` of `execution` take `steps` more steps under `settings`, and give it their states.

    Streams that cannot be told apart, without `axes`, are all refined.
    """
    last, batch = execution.t + steps, _count(execution)
    if axes is None or len(rows) == batch:
        fine = under(execution, settings)
        made = fine.run_steps(steps, [last])[last]
        execution.states, execution.inputs, execution.t = fine.states, fine.inputs, last
        return Pass(made, tuple(range(batch)))
    index = chosen(rows, execution.program.device)
    counters = [probe for probe in execution.synapse_probes if isinstance(probe, OperationCounter)]
    held = [counter.marked() for counter in counters]
    fine = with_samples(execution, index, axes, batch, settings)
    made = fine.run_steps(steps, [last])[last]
    execution.states = _joined(execution.states, fine.states, index, axes)
    along = {port.name: port.axis for port in execution.program.inputs}
    execution.inputs = _joined(execution.inputs, fine.inputs, index, along)
    execution.t = last
    for counter, mark in zip(counters, held, strict=True):
        counter.rejoin(mark, index, batch)
    merged = {name: value.index_copy(0, index, made[name]) for name, value in outputs.items()}
    return Pass(merged, tuple(rows))


def _joined(whole: Mapping[str, State], part: Mapping[str, State], index: Tensor, axes: Axes) -> dict[str, State]:
    """Return the states `whole`, with those of the streams `index` from `part`."""
    made = {}
    for name, state in whole.items():
        axis = axes[name]
        made[name] = part[name] if axis is None else State(state.v.index_copy(axis, index, part[name].v))
    return made
