"""Counts synaptic operations, as NeuroBench defines them, at the synapses of a running network.

An operation is the product of a non-zero change of an input and a non-zero weight of a weighted operator. Biases,
pooling and normalisation are not counted. For products of two activations (neurons that are matrix products), changes
of each operand are counted against the non-zero elements of the other.
All executors give the same count while the inputs that do not spike are constant. A change of such an input counts as
a change in the value domain (`step`); in the event domain it is a new baseline and is not counted.
Source: Yik et al., NeuroBench, arXiv 2304.04640.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch

from onnx2snn_runtime.dynamics.base import State
from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor, fetch
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.real_samples import real_samples


@dataclass
class OperationCounter:
    """Counts synaptic operations per step, on the device; `totals[t - 1]` is the sum over all synapses at step t.

    In a `batch` that is padded to its fixed size only the first `samples` count; a `batch` of 0 has no padding.
    """

    samples: int = 0
    batch: int = 0
    totals: list[Tensor] = field(default_factory=list)
    needs_spikes: ClassVar[bool] = False
    needs_synapses: ClassVar[bool] = True
    _before: dict[tuple[str, int], Tensor] = field(default_factory=dict)
    _fans: dict[tuple[str, int, torch.Size], tuple[list[Tensor], Tensor]] = field(default_factory=dict)

    def count(self, item: Population, t: int, events: Tensor, like: Tensor) -> None:
        """Do nothing."""

    def population(self, item: Population, t: int, spike: Tensor, state: State, target: Tensor) -> None:
        """Do nothing: spikes are counted at the synapses that receive them."""

    def synapse(self, item: Call, t: int, changing: Frame, constant: Frame, changes: bool) -> None:
        """Count the products of this step's changes with non-zero weights."""
        if not facts(item.op_type, item.operator.domain).weighted:
            return
        for index in _factors(item, item.varying):
            value = fetch(item, changing, index)
            change = value if changes else self._change(item, index, value)
            if t:
                self._add(t, (change != 0) * self._fan(item, index, change, constant))

    def sources(self, item: Population, t: int, values: Sequence[Tensor]) -> None:
        """Count the changes of each operand of a matrix product against the non-zero elements of the other."""
        frame = Frame(values[0].dtype, values[0].device, dict(zip(item.formal, values, strict=False)))
        for inner in item.body:
            operands = tuple(name in frame.values for name in inner.inputs)
            if not facts(inner.op_type, inner.operator.domain).weighted or not all(operands):
                continue
            for index in _factors(inner, operands):
                change = self._change(inner, index, frame.values[inner.inputs[index]], item.output)
                if t:
                    self._add(t, (change != 0) * fan_out(inner, index, change, frame))

    def select_samples(self, rows: Tensor, batch: int) -> None:
        """Keep the samples `rows` only; axis 0 of the values holds samples, or a multiple of them."""
        for key, value in self._before.items():
            if value.ndim and len(value) and len(value) % batch == 0:
                blocks = value.reshape(batch, -1, *value.shape[1:]).index_select(0, rows)
                self._before[key] = blocks.reshape(-1, *value.shape[1:])

    def _add(self, t: int, products: Tensor) -> None:
        while len(self.totals) < t:
            self.totals.append(torch.zeros((), dtype=torch.float64, device=products.device))
        kept = real_samples(products, self.samples, self.batch)
        self.totals[t - 1] = self.totals[t - 1] + kept.sum(dtype=torch.float64)

    def _change(self, item: Call, index: int, value: Tensor, owner: str = "") -> Tensor:
        key = (owner or item.outputs[0], index)
        before = self._before.get(key)
        self._before[key] = value
        return value if before is None else value - before

    def _fan(self, item: Call, index: int, change: Tensor, constant: Frame) -> Tensor:
        """Return the number of non-zero weights that multiply each element of input `index`, its fan-out."""
        key = (item.outputs[0], index, change.shape)
        weights = [constant.values[name] for i, name in enumerate(item.inputs) if name and not item.varying[i]]
        known, fan = self._fans.get(key, ([], None))
        if fan is None or any(a is not b for a, b in zip(known, weights, strict=True)):  # a weight may be an input
            fan = fan_out(item, index, change, constant)
            self._fans[key] = weights, fan
        return fan


def _factors(item: Call, flags: Sequence[bool]) -> list[int]:
    """Return the flagged inputs of `item` that its weights multiply."""
    held = facts(item.op_type, item.operator.domain)
    return [i for i, flag in enumerate(flags) if flag and held.role(i) == "f"]


def fan_out(item: Call, index: int, like: Tensor, constant: Frame) -> Tensor:
    """Return d(sum of outputs)/d(input) of `item` with every weight replaced by 1 where it is not zero."""
    held = facts(item.op_type, item.operator.domain)
    with torch.enable_grad():
        probe = torch.zeros(like.shape, dtype=torch.float32, device=like.device, requires_grad=True)
        arguments = []
        for i in range(len(item.inputs)):
            value = probe if i == index else fetch(item, constant, i)
            if i != index and isinstance(value, Tensor) and held.role(i) == "f":
                value = (value != 0).to(torch.float32)
            elif i != index and isinstance(value, Tensor) and value.is_floating_point():
                value = torch.zeros_like(value, dtype=torch.float32)
            arguments.append(value)
        result = item.operator.function(*arguments, **item.attributes)
        total = (result[0] if isinstance(result, tuple) else result).sum()
        (gradient,) = torch.autograd.grad(total, probe)
    # a Gemm with alpha scales the gradient; the count is of weights
    alpha = float(item.attributes.get("alpha", 1.0)) or 1.0
    return (gradient / alpha).detach()
