"""The operations of the plain network, the ANN, that a spiking network stands for: one pass, each function exact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from onnx2snn_runtime.dynamics.base import Accumulating, Neuron, State
from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.execution.values import ValueExecution
from onnx2snn_runtime.probing.arrivals import Arrival
from onnx2snn_runtime.probing.counting import OperationCounter
from onnx2snn_runtime.probing.operations import Operations
from onnx2snn_runtime.probing.products import marks, operands, pairs
from onnx2snn_runtime.probing.results import results
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor, fetch
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program


@dataclass(frozen=True)
class Exact(Accumulating):
    """v <- f(x): after one step the estimates are the values of the plain network."""

    settles: ClassVar[bool] = True

    def step(self, state: State, target: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Return f(x), and the change."""
        at_rest = state.v.numel() > 1 and not any(state.v.stride())  # the zeros of `init`
        return State(target), target if at_rest else target - state.v


class PlainCounter(OperationCounter):
    """Counts the products of what is not zero with weights that are not zero: all of them are MACs."""

    def __init__(self, program: Program, settings: Settings, samples: int, batch: int = 0) -> None:
        super().__init__(program, settings, samples, batch)
        self._arrivals: dict[str, list[Arrival]] = {}
        for arrival in self.plan.arrivals:
            self._arrivals.setdefault(arrival.item.outputs[0], []).append(arrival)
        self.observed = frozenset(self._arrivals) | {product.item.output for product in self.plan.products}

    def population(self, item: Population, t: int, spike: Tensor, state: State, target: Tensor) -> None:
        """Count nothing: what a neuron gives is counted where it arrives."""

    def values(self, item: Population, t: int, values: Tensor, before: Tensor) -> None:
        """Count nothing."""

    def encoded(self, name: str, t: int, spike: Tensor, neuron: Neuron) -> None:
        """Count nothing."""

    def set_inputs(self, frame: Frame, inputs: Mapping[str, Tensor], t: int) -> None:
        """Count the layers before the first neurons."""
        self._reach(inputs)
        self._direct(frame, t)

    def synapse(self, item: Call, t: int, changing: Frame, constant: Frame, changes: bool) -> None:
        """Count what is not zero."""
        for arrival in self._arrivals.get(item.outputs[0], ()):
            value = fetch(item, changing, arrival.index)
            self._numbers(arrival.name, (item.outputs[0], arrival.index), t, value, self._fan(arrival, value, constant))

    def sources(self, item: Population, t: int, values: Sequence[Tensor], constant: Frame) -> None:
        """Count the products of what is not zero."""
        for product in self.plan.products:
            if product.item.output == item.output:
                now = operands(product, values, constant)
                self._add(product.name, "products", t, pairs(product.inner, *map(marks, now)))
                self._measure(product, now)


def plain_operations(program: Program, inputs: Mapping[str, Tensor], samples: int) -> Operations:
    """Return the operations of one pass of a batch `inputs`, on the device, of which the first `samples` count."""
    exact = Exact()
    settings = Settings(exact, exact if program.defaults.spiking_inputs else None, program.defaults.input_scales)
    counter = PlainCounter(program, settings, samples, program.defaults.batch)
    execution = ValueExecution(program, replace(settings, probes=(counter,)))
    with torch.no_grad():
        execution.set_inputs(inputs)
        execution.advance()
    neurons = sum(state.v.numel() for state in execution.states.values()) // counter.batch
    return results(counter, [1], neurons, torch.ones(samples, dtype=torch.int64))[1]
