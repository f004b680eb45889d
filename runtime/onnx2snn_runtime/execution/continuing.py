"""Executions in the value domain that go on from the state of another: with some of its samples, or other settings."""

from collections.abc import Mapping
from typing import TypeVar

from onnx2snn_runtime.dynamics.base import State
from onnx2snn_runtime.execution.base import Execution, Settings
from onnx2snn_runtime.program.interpreter import Tensor

E = TypeVar("E", bound=Execution)
States = Mapping[str, State]


def under(execution: E, settings: Settings) -> E:
    """Return an execution that continues from the state of `execution` under other `settings`, with the same probes."""
    return _continued(execution, settings, execution.states, execution.inputs, execution.given)


def with_samples(
    execution: E, rows: Tensor, axes: Mapping[str, int | None], batch: int, settings: Settings | None = None
) -> E:
    """Return an execution that continues from the state of `execution` with the samples `rows` of the `batch` only.

    `axes` holds the batch axis of each population's state. It goes on under `settings` where they are given.
    """
    along = {port.name: port.axis for port in execution.program.inputs}
    states = {name: _select(state, rows, axes[name]) for name, state in execution.states.items()}
    inputs = {name: _select(state, rows, along[name]) for name, state in execution.inputs.items()}
    given = execution.given.items()
    for probe in execution.synapse_probes:
        probe.select_samples(rows, batch)
    raw = {n: x if (axis := along[n]) is None else x.index_select(axis, rows) for n, x in given}
    return _continued(execution, settings or execution.settings, states, inputs, raw)


def _continued(execution: E, settings: Settings, states: States, inputs: States, given: Mapping[str, Tensor]) -> E:
    other = type(execution)(execution.program, settings)
    other.t, other.continues = execution.t, True
    other.states, other.inputs = dict(states), dict(inputs)
    other.set_inputs(given)
    return other


def _select(state: State, rows: Tensor, axis: int | None) -> State:
    """Return the part of `state` that belongs to the samples `rows`, along the batch axis `axis`."""
    if axis is None:
        return state
    parts = [tuple(x.index_select(axis, rows) for x in part) for part in state[1:]]
    return State(state.v.index_select(axis, rows), *parts)
