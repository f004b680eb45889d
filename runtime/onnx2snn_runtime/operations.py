"""Synaptic operations as NeuroBench defines them, counted at the synapses while a network runs.

A spike reaches a weighted operator and meets each of its non-zero weights once; what is counted is every product of a
non-zero change of an input with a non-zero weight. Biases, pooling and normalisation are not counted. Products of two
activations (neurons that are matrix products) count the changes of each operand against all of the other.
Source: Yik et al., NeuroBench, arXiv 2304.04640.
"""

from dataclasses import dataclass, field

import torch

from onnx2snn_runtime.dynamics.base import State
from onnx2snn_runtime.interpreter import Call, Frame, Tensor, fetch
from onnx2snn_runtime.ir.linearity import WEIGHTED, roles
from onnx2snn_runtime.program import Population


@dataclass
class OperationCounter:
    """Counts synaptic operations a step, on the device; `totals[t - 1]` is the sum over all synapses at step t."""

    totals: list[Tensor] = field(default_factory=list)
    _before: dict[tuple[str, int], Tensor] = field(default_factory=dict)
    _fans: dict[tuple[str, int, torch.Size], Tensor] = field(default_factory=dict)

    def population(self, item: Population, t: int, spike: Tensor, state: State, target: Tensor) -> None:
        """See nothing here: products of activations are counted by `product`."""

    def synapse(self, item: Call, t: int, changing: Frame, constant: Frame, changes: bool) -> None:
        """Count the products of this step's changes with non-zero weights."""
        if item.op_type not in WEIGHTED:
            return
        for index, varying in enumerate(item.varying):
            row = roles(item.op_type, item.operator.domain)
            if varying and row is not None and row.role(index) == "f":
                change = self._change(item, index, fetch(item, changing, index), changes)
                fan = self._fan(item, index, change, constant)
                self._add(t, torch.sum((change != 0) * fan, dtype=torch.float64))

    def _add(self, t: int, amount: Tensor) -> None:
        while len(self.totals) < t:
            self.totals.append(torch.zeros((), dtype=torch.float64, device=amount.device))
        self.totals[t - 1] = self.totals[t - 1] + amount

    def _change(self, item: Call, index: int, value: Tensor, changes: bool) -> Tensor:
        if changes:
            return value
        key = (item.outputs[0], index)
        before = self._before.get(key)
        self._before[key] = value
        return value if before is None else value - before

    def _fan(self, item: Call, index: int, change: Tensor, constant: Frame) -> Tensor:
        """Return how many non-zero weights each element of input `index` meets: the transposed synapse of ones."""
        key = (item.outputs[0], index, change.shape)
        if key not in self._fans:
            self._fans[key] = fan_out(item, index, change, constant)
        return self._fans[key]


def fan_out(item: Call, index: int, like: Tensor, constant: Frame) -> Tensor:
    """Return d(sum of outputs)/d(input) of `item` with every weight replaced by 1 where it is not zero."""
    row = roles(item.op_type, item.operator.domain)
    with torch.enable_grad():
        probe = torch.zeros(like.shape, dtype=torch.float32, device=like.device, requires_grad=True)
        arguments = []
        for i in range(len(item.inputs)):
            value = probe if i == index else fetch(item, constant, i)
            if i != index and isinstance(value, Tensor) and row is not None and row.role(i) == "f":
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
