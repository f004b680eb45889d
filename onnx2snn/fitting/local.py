"""What graded spikes of some levels and mantissa bits do in one population: how far off it ends, and what it sends.

A population is tried by itself: its law runs towards what its function gave, step by step, in a run of the network.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from onnx2snn.fitting.trying import Trier, digits
from onnx2snn_runtime.dynamics.differential import quantise
from onnx2snn_runtime.errors import trying
from onnx2snn_runtime.probing.digits import digits_of

SAMPLED = 1024
"""So many neurons of a population are followed."""
MEMORY = 2**29
"""No more bytes than this are recorded at a time; one sample at least is."""


@dataclass(frozen=True)
class Part:
    """A population with one setting, a sample: the sum of squared errors, and the signed digits that it sends."""

    error: float
    adds: float


@dataclass(frozen=True)
class Targets:
    """What sampled neurons of a population went after, [T, n], in units of the scale; `unit` its root mean square.

    `neurons` is their number in a sample of the network; `digits` are those of a spike that was sent, on average.
    """

    values: torch.Tensor
    unit: float
    neurons: float
    digits: float

    def tried(self, levels: int, mantissa: int) -> Part:
        """Return what spikes of so many levels and mantissa bits do."""
        v, sent = torch.zeros_like(self.values[0]), 0.0
        for target in self.values:
            spike = quantise(target - v, 1.0, levels, mantissa, gradual=True)
            v = v + spike
            sent += float(digits_of(spike.abs(), mantissa).sum())
        square = float(torch.square(self.values[-1] - v).mean())
        return Part(square * self.unit**2 * self.neurons, sent / max(1, v.numel()) * self.neurons)


def record(trier: Trier, steps: int) -> dict[str, Targets]:
    """Return the targets of every population in a run of `steps` steps, on as many samples as memory allows."""
    snn, draw = trier.snn, np.random.default_rng(0)
    room = MEMORY / (12 * steps * max(1, trier.neurons))
    inputs, samples = trier.some(max(1, min(2, int(room))))
    with trying():
        probes = snn.run(inputs, [steps], probes=["values", "errors", "spikes"]).probes
    found = {}
    for item in snn.program.populations:
        values, errors, spikes = (torch.as_tensor(probes[kind][item.name]) for kind in ("values", "errors", "spikes"))
        scale = torch.as_tensor(item.attributes.scale, dtype=values.dtype)
        wanted = torch.nan_to_num(values + errors, nan=0.0, posinf=0.0, neginf=0.0) / scale
        flat = wanted.reshape(len(values), -1)
        places = torch.from_numpy(draw.integers(0, max(1, flat.shape[1]), min(SAMPLED, flat.shape[1])))
        mantissa = item.attributes.mantissa
        sent = digits_of(torch.nan_to_num(spikes / scale).abs().float(), mantissa)[spikes != 0]
        found[item.name] = Targets(
            flat[:, places].float(),
            float(scale.square().mean().sqrt()),
            flat.shape[1] / samples,
            float(sent.double().mean()) if len(sent) else digits(mantissa),
        )
    return found


def parts(
    targets: Mapping[str, Targets], pairs: Mapping[str, Iterable[tuple[int, int]]]
) -> dict[str, dict[tuple[int, int], Part]]:
    """Return what each population does with each of its `pairs` of levels and mantissa bits."""
    return {name: {pair: targets[name].tried(*pair) for pair in pairs[name]} for name in pairs}


def mean_digits(targets: Mapping[str, Targets]) -> dict[str, float]:
    """Return the signed digits of a spike of each population."""
    return {name: found.digits for name, found in targets.items()}
