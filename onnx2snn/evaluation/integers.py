"""Whether the synapses of a network compute with integers: spikes on a grid, 8-bit weights, sums of their products."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from onnx2snn_runtime.execution.base import make_execution
from onnx2snn_runtime.execution.probe import Probe
from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.program.inputs import check_input, named_inputs, to_device
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor, compute, fetch
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.settings import make_settings

MOST_BITS = 31
"""What sums and payloads have to fit, without a sign."""
CHANNELS = {"Conv": 1, "ConvTranspose": 1, "Gemm": -1}
"""The axis of the output channels; of a product by weights on the left it is -2, on the right -1."""


@dataclass
class Synapse:
    """How a synapse computed over a run: `payload_bits` and `sum_bits` are the largest that it was given and made.

    `integer`: at every step what arrived was a whole multiple of a power of two common to all of it, and the sum of its
    products with the 8-bit weights, times that and the scales of the channels, was what the synapse gives. `why` says
    what was in the way.
    """

    name: str
    payload_bits: int = 0
    sum_bits: int = 0
    steps: int = 0
    integer: bool = True
    why: str = ""


@dataclass
class IntegerReport:
    """The synapses that have weights and are given spikes, and what is evaluated in floating point, as sentences."""

    synapses: list[Synapse] = field(default_factory=list)
    floating: list[str] = field(default_factory=list)

    @property
    def integer(self) -> bool:
        """Whether all synapses compute with integers."""
        return bool(self.synapses) and all(synapse.integer for synapse in self.synapses)


def integer_report(snn: SpikingModel, inputs: Any, timesteps: int | None = None, **overrides: Any) -> IntegerReport:
    """Run `inputs`, a few samples, through `snn` by its spikes (executor event), in float64, and check every product.

    The network is left in float64. Source of the arithmetic: docs/export.md.
    """
    program = snn.double().program
    probe = _Probe(program)
    settings = make_settings(snn.defaults, overrides, [probe])
    execution = make_execution("event", program, settings)
    named = named_inputs(inputs, program.inputs)
    with torch.no_grad():
        execution.set_inputs(
            {port.name: to_device(check_input(named[port.name], port), port, program) for port in program.inputs}
        )
        for _ in range(timesteps or snn.defaults.timesteps):
            execution.advance()
    return IntegerReport(list(probe.found.values()), floating(snn))


def floating(snn: SpikingModel) -> list[str]:
    """Return sentences on what a run evaluates in floating point, whatever its weights are."""
    program, kinds = snn.program, dict[str, list[str]]()
    for item in program.populations:
        operators = {call.op_type for call in item.body}
        if not operators <= {"Relu", "Clip", "MaxPool", "Max", "Add"}:
            kinds.setdefault(", ".join(dict.fromkeys(call.op_type for call in item.body)), []).append(item.name)
    found = [f"the function of {len(names)} populations ({kind})" for kind, names in kinds.items()]
    first = [item.label for item in program.prologue if facts(item.op_type, item.operator.domain).weighted]
    if first:
        found.append(f"what is given the input itself, once: {', '.join(first)}")
    found.append("scales of channels and biases, where sums arrive at a population")
    readout = ", ".join(dict.fromkeys(item.op_type for item in program.readout))
    return [*found, *([f"readouts: {readout}"] if readout else [])]


class _Probe(Probe):
    """Watches the changes that arrive at synapses with weights."""

    needs_synapses = True

    def __init__(self, program: Program) -> None:
        self.constants = program.constants
        self.found: dict[str, Synapse] = {}
        calls = [item for item in (*program.loop, *program.tail) if isinstance(item, Call)]
        self.observed = frozenset(item.outputs[0] for item in calls if _weighted(item))

    def synapse(self, item: Call, t: int, changing: Frame, constant: Frame, changes: bool) -> None:
        """Check one step of a synapse that has weights."""
        if not changes:
            return
        kept = self.found.setdefault(item.label, Synapse(item.label))
        index = item.varying.index(True)
        given = changing.values[item.inputs[index]]
        weights = item.inputs[1 - index]
        kept.steps += 1
        if f"{weights}.int8" not in self.constants:
            kept.integer, kept.why = False, "its weights are no 8-bit integers"
            return
        grid, bits = grid_of(given)
        kept.payload_bits = max(kept.payload_bits, bits)
        if bits > MOST_BITS:
            kept.integer, kept.why = False, f"what arrives has {bits} bits on a common grid"
            return
        wide = given.new_tensor(grid)
        integers = self.constants[f"{weights}.int8"].to(given)
        made = _product(item, index, given / wide, integers)
        scale = self.constants[f"{weights}.int8_scale"].to(given) * wide
        axis = CHANNELS.get(item.op_type, -1 if index == 0 else -2) % made.ndim
        expected = _product(item, index, given, fetch(item, constant, 1 - index))
        scaled = made * scale.reshape([-1 if i == axis else 1 for i in range(made.ndim)])
        kept.sum_bits = max(kept.sum_bits, int(made.abs().max().item()).bit_length())
        exact = bool((made == made.round()).all()) and torch.allclose(scaled, expected, rtol=1e-9, atol=1e-12)
        if not exact or kept.sum_bits > MOST_BITS:
            why = f"its sums have {kept.sum_bits} bits" if exact else "its sums are not those of integers"
            kept.integer, kept.why = False, why


def _weighted(item: Call) -> bool:
    return facts(item.op_type, item.operator.domain).weighted and sum(item.varying) == 1


def _product(item: Call, index: int, given: Tensor, weights: Any) -> Tensor:
    """Return what the synapse makes of `given` and `weights`, without a bias."""
    arguments = [given, weights] if index == 0 else [weights, given]
    made: Tensor = compute(item, arguments)
    return made


def grid_of(values: Tensor) -> tuple[float, int]:
    """Return the largest power of two that all of `values` are multiples of, and the bits of the largest multiple."""
    array = values.detach().cpu().double().numpy()
    array = np.abs(array[array != 0])
    if not array.size:
        return 1.0, 0
    mantissa, exponent = np.frexp(array)
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    trailing = np.log2((whole & -whole).astype(np.float64)).astype(np.int64)
    grid = float(2.0 ** int((exponent - 53 + trailing).min()))
    return grid, int(np.ceil(np.log2(array.max() / grid + 1)))
