"""An observer that compares every population with the plain network as it runs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from onnx2snn.diagnosis.tallies import StepTally, Tally
from onnx2snn.reference.aligned import aligned
from onnx2snn_runtime.batches.observed import Observer
from onnx2snn_runtime.dynamics.base import Dynamics, State
from onnx2snn_runtime.ir.flow import FLOATS
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.program.real_samples import real_samples

RESOLVED = 0.02
"""An estimate this near to its target, in parts of a spike, is not said to be out of reach."""


@dataclass
class _Neurons:
    """What is known of the neurons of one population in the batch at work."""

    plain: Tensor
    pushes: Tensor
    """Spikes so far, with their signs."""
    fired: Tensor
    events: int = 0


@dataclass
class Watch(Observer):
    """Adds up figures of every population after each of `steps`, and the errors of the outputs.

    A neuron is saturated where its estimate is as large as its largest spike, or, under dynamics without one, where it
    has sent a spike in the same direction at every step and is still short of its target.
    """

    dynamics: Dynamics
    steps: Sequence[int]
    tallies: dict[str, Tally] = field(default_factory=dict)
    outputs: dict[int, dict[str, list[float]]] = field(default_factory=dict)
    """By time steps and name: |spiking - plain|^2 and |plain|^2; of outputs without reals, how many differ of all."""
    samples: int = 0

    def begin(self, program: Program, plain: Mapping[str, Tensor], samples: int) -> None:
        """Take in the plain network's values of a batch."""
        self._program, self._plain, self._count = program, plain, samples
        self._live: dict[str, _Neurons] = {}
        self.samples += samples

    def population(self, item: Population, t: int, spike: Tensor, state: State, target: Tensor) -> None:
        """Add to the figures of `item`."""
        name = self._program.groups.get(item.name, item.name)
        tally = self.tallies.get(name) or self._new(name, item)
        live = self._live.get(item.name) or self._first(item, tally)
        sent = self._real(spike)
        live.pushes += torch.sign(torch.nan_to_num(sent)).to(live.pushes.dtype)
        live.fired |= sent != 0
        live.events += int(torch.count_nonzero(sent))
        if t not in self.steps:
            return
        at = tally.at.setdefault(t, StepTally())
        v, aim = self._real(state.v), self._real(target)
        own = torch.nan_to_num(aim - v, 0.0, 0.0, 0.0)
        beyond, small = self._saturated(item, t, live, v, own, sent), self._unsaid(item, own)
        at.error += _squares(v - live.plain)
        at.own += _squares(own)
        at.beyond += _squares(own[beyond])
        at.below += _squares(own[small & ~beyond])
        at.target += _squares(aim)
        at.saturated += int(torch.count_nonzero(beyond))
        at.silent += int(torch.count_nonzero(~live.fired))
        at.events += live.events

    def end(self, expected: Mapping[str, Tensor], outputs: Mapping[int, Mapping[str, Tensor]]) -> None:
        """Add to the errors of the outputs."""
        for t, made in outputs.items():
            for name, value in expected.items():
                plain, got = aligned(*(self._real(x).cpu().numpy() for x in (value, made[name])))
                sums = self.outputs.setdefault(t, {}).setdefault(name, [0.0, 0.0])
                if plain.dtype.kind == "f":
                    sums[0] += _squares(torch.as_tensor(got.astype("float64") - plain))
                    sums[1] += _squares(torch.from_numpy(plain.astype("float64")))
                else:
                    sums[0] += float((got != plain).sum())
                    sums[1] += float(plain.size)

    def output_error(self, t: int) -> float:
        """Return the largest relative error of an output of reals after t steps; without any, of the others."""
        floats = {port.name for port in self._program.outputs if port.type in FLOATS}
        pairs = {n: s for n, s in self.outputs[t].items() if n in floats} or self.outputs[t]
        return max((math.sqrt(e / n) if n else float(e > 0)) for e, n in pairs.values())

    def _new(self, name: str, item: Population) -> Tally:
        a = item.attributes
        made = Tally(name, item.op_type, a.scale, a.levels, a.mantissa, a.maximum, a.dead_zone)
        self.tallies[name] = made
        return made

    def _first(self, item: Population, tally: Tally) -> _Neurons:
        plain = self._real(self._plain[item.output])
        finite = torch.nan_to_num(plain, 0.0, 0.0, 0.0)
        tally.values += plain.numel()
        tally.plain += _squares(plain)
        tally.largest = max(tally.largest, float(finite.abs().max()) if finite.numel() else 0.0)
        live = _Neurons(plain, torch.zeros_like(plain, dtype=torch.int16), torch.zeros_like(plain, dtype=torch.bool))
        self._live[item.name] = live
        return live

    def _saturated(self, item: Population, t: int, live: _Neurons, v: Tensor, own: Tensor, sent: Tensor) -> Tensor:
        """Return the mask of the neurons that are beyond what spikes reach."""
        limit = self.dynamics.largest_spike(self._program.neuron(item))
        if limit is not None:
            return v.abs() >= limit
        steady = (live.pushes.abs() == t - min(t - 1, item.attributes.onset)) & (sent != 0)
        slack = RESOLVED if self.dynamics.payload == "value" else 1.0
        return steady & (torch.sign(own) == torch.sign(live.pushes)) & (own.abs() > slack * sent.abs())

    def _unsaid(self, item: Population, own: Tensor) -> Tensor:
        """Return the mask of the errors that are too small to be sent."""
        least = self.dynamics.unsaid(self._program.neuron(item))
        return torch.zeros_like(own, dtype=torch.bool) if least is None else own.abs() <= least

    def _real(self, value: Tensor) -> Tensor:
        return real_samples(value, self._count, self._program.defaults.batch)


def _squares(value: Tensor) -> float:
    """Return the sum of squares of what is finite."""
    flat = torch.nan_to_num(value.detach().double().reshape(-1), 0.0, 0.0, 0.0)
    return float(flat @ flat)
