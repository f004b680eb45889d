"""The dead zone: corrections of a smaller magnitude are not sent, all others as they are without one."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from onnx2snn_runtime.dynamics.base import Neuron, State, make_dynamics
from onnx2snn_runtime.encoders.base import make_encoder
from onnx2snn_runtime.errors import InputError, ModelError
from onnx2snn_runtime.execution.base import EXECUTORS
from onnx2snn_runtime.ir.schema import NeuronAttributes, is_neuron, read_defaults, write_neuron
from onnx2snn_runtime.ir.text import to_text
from onnx2snn_runtime.model import SpikingModel
from tests.runtime.networks import CNN, network, proto, sample

NUMBERS = arrays(np.float32, (40,), elements=st.floats(-4, 4, width=32, allow_subnormal=False))


@settings(deadline=None, max_examples=60)
@given(
    target=NUMBERS,
    v=NUMBERS,
    zone=st.floats(0, 2, width=32),
    scale=st.sampled_from([0.5, 1.0, 4.0]),
    spread=st.booleans(),
    name=st.sampled_from(["differential", "ternary"]),
    step=st.integers(1, 4),
)
def test_the_law(target, v, zone, scale, spread, name, step) -> None:
    x, before = torch.from_numpy(target), State(torch.from_numpy(v))
    given = torch.full((40,), scale) if spread else scale
    plain = make_dynamics(name).step(before, x, step, Neuron(given))[1]
    after, spike = make_dynamics(name).step(before, x, step, Neuron(given, dead_zone=zone))
    below = (x - before.v).abs() < torch.tensor(zone * scale)
    assert torch.equal(spike, plain.masked_fill(below, 0.0))
    assert torch.equal(after.v, before.v + spike)
    option = make_dynamics(name, options={"dead_zone": zone}).step(before, x, step, Neuron(given, dead_zone=7.0))[1]
    assert torch.equal(option, spike)


@pytest.mark.parametrize("name", ["differential", "ternary"])
def test_a_correction_of_its_size_is_sent_and_nan_too(name: str) -> None:
    target = torch.tensor([0.25, 0.2499, -0.25, 0.0, math.nan, math.inf])
    spike = make_dynamics(name).step(State(torch.zeros(6)), target, 4, Neuron(1.0, dead_zone=0.25))[1]
    assert (spike != 0).tolist() == [True, False, True, False, True, True]


def test_an_input_has_one_too() -> None:
    encoder = make_encoder("differential", make_dynamics("differential"), options={"mantissa": 4})
    spike = encoder.step(State(torch.zeros(2)), torch.tensor([0.1, 0.3]), 1, Neuron(1.0, dead_zone=0.2))[1]
    assert spike.tolist() == [0.0, pytest.approx(0.296875)]


@pytest.mark.parametrize("executor", list(EXECUTORS))
def test_a_network_with_dead_zones(executor: str, tmp_path) -> None:
    snn, x = network(CNN, encoder="differential", spiking_inputs=("x",), input_scales={"x": 4.0}), None
    x = sample(snn, 3)["x"]
    name = snn.population_names()[0]
    before = snn.run(x, 4, executor=executor)
    snn.set_population(name, dead_zone=0.1)
    snn.set_defaults(input_dead_zones={"x": 0.25}, encoder_options={"mantissa": 3})
    after = snn.run(x, 4, executor=executor, operations=True)
    assert 0 < after.events[4] < before.events[4]
    snn.save(tmp_path / "zone.snn.onnx")
    again = SpikingModel(snn.proto).run(x, 4, executor=executor, operations=True)
    assert torch.equal(torch.as_tensor(again.outputs[4]), torch.as_tensor(after.outputs[4]))
    assert again.operations[4] == after.operations[4]
    kept = read_defaults(snn.proto)
    assert (kept.input_dead_zones, kept.encoder_options) == ({"x": 0.25}, {"mantissa": 3})
    assert "dead zone 0.1]" in to_text(snn.proto)


def test_it_is_written_where_it_is_not_zero() -> None:
    node = next(node for node in proto(CNN).graph.node if is_neuron(node))
    write_neuron(node, NeuronAttributes(1))
    assert "dead_zone" not in {a.name for a in node.attribute}
    write_neuron(node, NeuronAttributes(1, dead_zone=0.5))
    assert "dead_zone" in {a.name for a in node.attribute}


@pytest.mark.parametrize("value", [-0.1, math.inf, math.nan])
def test_what_is_no_dead_zone(value: float) -> None:
    snn = network(CNN)
    with pytest.raises(InputError, match=r"has a dead zone of .*: give a share of its scale, 0 or more"):
        snn.set_population(snn.population_names()[0], dead_zone=value)
    with pytest.raises(InputError, match=r"the dead zone is .*: give a share of the scale, 0 or more"):
        make_dynamics("differential", options={"dead_zone": value})
    damaged = network(CNN)
    damaged.set_defaults(input_dead_zones={"x": value})
    with pytest.raises(ModelError, match=r"'input_dead_zones' of .* is out of range"):
        SpikingModel(damaged.proto)
