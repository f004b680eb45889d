"""Which population the layers of a network lead to."""

import pytest

from onnx2snn.evaluation.energy import EnergyTally
from onnx2snn.evaluation.wiring import OUTPUT, leads_to, population_costs
from tests.runtime.networks import CNN, network, proto, sample


def test_the_first_population_that_a_node_leads_to() -> None:
    found = leads_to(proto(CNN))
    assert {name: found[name] for name in ("a", "neuron_h", "c", "r", "neuron_g", "p", "y")} == {
        "a": "neuron_h", "neuron_h": "neuron_h", "c": "neuron_g", "r": "neuron_g", "neuron_g": "neuron_g",
        "p": OUTPUT, "y": OUTPUT,
    }  # fmt: skip


def test_shares_of_the_energy_add_up() -> None:
    snn = network(CNN)
    x = sample(snn, 3)
    tally = EnergyTally(snn.run(x, 2, operations=True).operations, snn.plain_operations(x))
    layers = tally.figures(snn, by_layer=True)["layers"]
    found = population_costs(snn.proto, layers)
    assert set(found) == {"neuron_h", "neuron_g", OUTPUT}
    assert sum(found.values()) == pytest.approx(1.0)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    own = sum(layer["fp32"]["shift_adds"] for layer in layers if layer["name"] == "c")
    assert found["neuron_g"] == pytest.approx(own / sum(layer["fp32"]["shift_adds"] for layer in layers))
