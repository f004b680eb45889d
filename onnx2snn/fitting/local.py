"""What graded spikes of some levels and mantissa bits do in one population: how far off it ends, and what it sends.

A population is tried by itself: its law runs towards what its function gave, step by step, in a run of the network.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from onnx2snn.fitting.trying import Trier, digits
from onnx2snn_runtime.errors import trying
from onnx2snn_runtime.probing.digits import digits_of

SAMPLED = 1024
"""So many neurons of a population are followed."""
COUNTED = 16
"""The digits of so many times as many neurons are counted."""
MEMORY = 2**29
"""No more bytes than this are recorded at a time; one sample at least is."""
FINE = 8
"""With so many mantissa bits the error is that of the levels alone."""


@dataclass(frozen=True)
class Part:
    """A population with one setting, a sample: sums of squared errors by cause, and the spikes and digits it sends.

    `coarse` is the error that so few levels make whatever the mantissa, `rounding` what the mantissa adds to it.
    """

    coarse: float
    rounding: float
    adds: float
    events: float

    @property
    def error(self) -> float:
        """The sum of squared errors."""
        return self.coarse + self.rounding


@dataclass(frozen=True)
class Targets:
    """What sampled neurons of a population went after, [T, n], in units of the scale; `unit` its root mean square.

    `neurons` is their number in a sample of the network; `digits` are those of a spike that was sent, on average.
    `gradual`: whether small spikes are multiples of the smallest.
    """

    values: torch.Tensor
    unit: float
    neurons: float
    digits: float
    gradual: bool = True

    def tried(self, pairs: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Part]:
        """Return what spikes of each pair of levels and mantissa bits do."""
        wanted = list(dict.fromkeys(pairs))
        fine = max(FINE, *(mantissa for _, mantissa in wanted))
        every = list(dict.fromkeys([*wanted, *((levels, fine) for levels, _ in wanted)]))
        levels, mantissas = torch.tensor(every)[:, :, None].unbind(1)
        v, sent = torch.zeros(len(every), self.values.shape[1]), torch.zeros(2, len(every))
        for target in self.values:
            spike = quantised(target - v, levels, mantissas, self.gradual)
            v = v + spike
            sent += torch.stack([digits_of(spike.abs(), fine).sum(1), torch.count_nonzero(spike, 1)])
        squares = torch.square(self.values[-1] - v).mean(1).double() * self.unit**2 * self.neurons
        adds, events = (sent.double() / max(1, v.shape[1]) * self.neurons).tolist()
        found = dict(zip(every, zip(squares.tolist(), adds, events, strict=True), strict=True))
        parts = {}
        for pair in wanted:
            square, *sent_by = found[pair]
            least = min(square, found[pair[0], fine][0])
            parts[pair] = Part(least, square - least, *sent_by)
        return parts


def quantised(error: torch.Tensor, levels: torch.Tensor, mantissas: torch.Tensor, gradual: bool = True) -> torch.Tensor:
    """Return the graded spikes of `error`, float32, in units of the scale: each row has its levels and mantissa bits.

    It is `quantise` of the differential dynamics, for many payloads at once.
    """
    a = error.abs().broadcast_to(torch.broadcast_shapes(error.shape, levels.shape))
    one = torch.ones(levels.shape)
    least, steps = torch.ldexp(one, 1 - levels), torch.ldexp(one, mantissas)
    significand, exponent = torch.frexp(a)
    q = torch.ldexp(torch.round(significand * (2 * steps)), exponent - mantissas - 1)
    if gradual:
        q = torch.where(a < least * steps, torch.round(a / least) * least, q)
    q = torch.minimum(torch.maximum(q, least), 2.0 - 1.0 / steps)
    return torch.copysign(q, error).masked_fill_(a <= least / 2, 0.0)


def record(trier: Trier, steps: int, gradual: bool = True) -> dict[str, Targets]:
    """Return the targets of every population in a run of `steps` steps, on as many samples as memory allows.

    `gradual` says which spikes are to be tried.
    """
    snn, draw = trier.snn, np.random.default_rng(0)
    room = MEMORY / (12 * steps * max(1, trier.neurons))
    inputs, samples = trier.some(max(1, min(2, int(room))))
    with trying():
        probes = snn.run(inputs, [steps], probes=["values", "errors", "spikes"]).probes
    found = {}
    for item in snn.program.populations:
        values, errors, spikes = (torch.as_tensor(probes[kind][item.name]) for kind in ("values", "errors", "spikes"))
        scale = torch.as_tensor(item.attributes.scale, dtype=values.dtype)
        units, count = scale.expand(values.shape[1:]).reshape(-1), values[0].numel()
        places, counted = (_places(draw, count, wanted) for wanted in (SAMPLED, COUNTED * SAMPLED))
        wanted = (_flat(values)[:, places] + _flat(errors)[:, places]) / units[places]
        mantissa = item.attributes.mantissa
        sent = (_flat(spikes)[:, counted] / units[counted]).abs().float()
        each = digits_of(sent, mantissa)[sent > 0]
        found[item.name] = Targets(
            torch.nan_to_num(wanted, nan=0.0, posinf=0.0, neginf=0.0).float(),
            float(scale.square().mean().sqrt()),
            count / samples,
            float(each.double().mean()) if len(each) else digits(mantissa),
            gradual,
        )
    return found


def _flat(values: torch.Tensor) -> torch.Tensor:
    return values.reshape(len(values), -1)


def _places(draw: np.random.Generator, count: int, wanted: int) -> torch.Tensor:
    """Return `wanted` places among `count`, drawn; all of them in their order where there are no more."""
    return torch.arange(count) if count <= wanted else torch.from_numpy(draw.integers(0, count, wanted))


def parts(
    targets: Mapping[str, Targets], pairs: Mapping[str, Iterable[tuple[int, int]]]
) -> dict[str, dict[tuple[int, int], Part]]:
    """Return what each population does with each of its `pairs` of levels and mantissa bits."""
    return {name: targets[name].tried(pairs[name]) for name in pairs}


def mean_digits(targets: Mapping[str, Targets]) -> dict[str, float]:
    """Return the signed digits of a spike of each population."""
    return {name: found.digits for name, found in targets.items()}
