"""The operations and the energy of a spiking network beside those of the plain network, as commands show them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.probing.energy import ARITHMETICS, HOROWITZ, EnergyProfile, energy, spent, spent_strictly
from onnx2snn_runtime.probing.operations import LayerOperations, Operations

TOTALS = ("effective_acs", "effective_macs", "dense_macs", "products", "shift_adds", "multiplications", "evaluations",
          "bits", "synaptic_operations")  # fmt: skip
RATES = ("activation_sparsity", "events_per_neuron", "shift_adds_per_neuron", "shift_adds_per_mac")
LEFT_OUT = "memory traffic, addresses of spikes, biases, pooling, normalisation and evaluations of a neuron's function"


@dataclass
class EnergyTally:
    """The operations of a spiking network by time steps, and those of the plain network on the same samples."""

    runs: Mapping[int, Operations]
    plain: Operations

    def figures(self, snn: SpikingModel, profile: EnergyProfile = HOROWITZ, by_layer: bool = False) -> dict[str, Any]:
        """Return the figures, with `by_layer` those of each layer at the last number of time steps, too."""
        found = energy_figures(snn, self.runs, self.plain, profile)
        last = self.runs[max(self.runs)]
        return found | ({"layers": layer_figures(last, self.plain, profile)} if by_layer else {})


def parameters(snn: SpikingModel) -> dict[str, Any]:
    """Return how many parameters the network has, and the bytes that they take in each arithmetic."""
    count = sum(value.numel() for value in snn.program.constants.values() if value.is_floating_point())
    return {"parameters": count, "footprint": {name: count * size for name, size in ARITHMETICS.items()}}


def energy_figures(
    snn: SpikingModel, runs: Mapping[int, Operations], plain: Operations, profile: EnergyProfile = HOROWITZ
) -> dict[str, Any]:
    """Return operations and energy after each number of time steps, a sample; energies are pJ.

    `operations` has them by T, `ann` those of the plain network, and each of fp32, fp16 and int8 the energies beside
    the plain network in that arithmetic, by T (see `Energy`).
    """
    found: dict[str, Any] = {
        "profile": profile.name,
        "unit": "pJ a sample",
        "left_out": LEFT_OUT if not profile.evaluation else LEFT_OUT.rsplit(" and ", 1)[0],
        "constants": {name: asdict(getattr(profile, name)) for name in ARITHMETICS}
        | {"evaluation": profile.evaluation},
        **parameters(snn),
        "ann": {
            "dense_macs": plain.dense_once / plain.samples,
            "effective_macs": (plain.effective_macs + plain.products) / plain.samples,
            "products": plain.products / plain.samples,
        },
        "operations": {str(t): _operations(run) for t, run in runs.items()},
    }
    for name in ARITHMETICS:
        arithmetic = getattr(profile, name)
        found[name] = {str(t): energy(run, plain, arithmetic, profile.evaluation).as_dict() for t, run in runs.items()}
    return found


def layer_figures(run: Operations, plain: Operations, profile: EnergyProfile = HOROWITZ) -> list[dict[str, Any]]:
    """Return the operations of each layer, a sample, beside the plain network's on the same samples, and energies."""
    before = {layer.name: layer for layer in plain.layers}
    return [_layer(layer, before[layer.name], run.samples, profile) for layer in run.layers]


def _operations(run: Operations) -> dict[str, float]:
    sums = {name: getattr(run, name) / run.samples for name in TOTALS}
    return sums | {name: getattr(run, name) for name in RATES}


def _layer(layer: LayerOperations, plain: LayerOperations, samples: int, profile: EnergyProfile) -> dict[str, Any]:
    names = ("effective_acs", "effective_macs", "dense_macs", "products", "shift_adds", "multiplications")
    found: dict[str, Any] = {"name": layer.name, "operator": layer.operator, "kind": layer.kind}
    found |= {name: getattr(layer, name) / samples for name in names}
    found["ann"] = {
        "dense_macs": plain.dense_once / samples,
        "effective_macs": (plain.effective_macs + plain.products) / samples,
    }
    for name in ARITHMETICS:
        arithmetic = getattr(profile, name)
        found[name] = {
            "ann": plain.dense_once * arithmetic.mac / samples,
            "shift_adds": spent(layer, arithmetic) / samples,
            "strict": spent_strictly(layer, arithmetic) / samples,
        }
    return found
