"""Gradual underflow: small graded spikes are multiples of the smallest, all others as they are without."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from onnx2snn_runtime.dynamics.base import Neuron, State, make_dynamics
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.execution.base import EXECUTORS
from onnx2snn_runtime.ir.schema import NeuronAttributes, is_neuron, write_neuron
from onnx2snn_runtime.ir.text import to_text
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.probing.digits import digits_of
from tests.runtime.networks import CNN, network, proto, sample

NUMBERS = arrays(np.float32, (40,), elements=st.floats(-4, 4, width=32, allow_subnormal=False))


@settings(deadline=None, max_examples=60)
@given(
    target=NUMBERS,
    levels=st.integers(1, 20),
    mantissa=st.integers(0, 10),
    scale=st.sampled_from([0.5, 1.0, 4.0]),
    wide=st.sampled_from([torch.float32, torch.float64]),
)
def test_the_law(target, levels, mantissa, scale, wide) -> None:
    x = torch.from_numpy(target).to(wide)
    neuron, before = Neuron(scale, levels=levels, mantissa=mantissa), State(torch.zeros_like(x))
    plain = make_dynamics("differential").step(before, x, 1, neuron)[1]
    spike = make_dynamics("differential").step(before, x, 1, neuron._replace(gradual=True))[1]
    least = scale * 2.0 ** (1 - levels)
    small = x.abs() < least * 2**mantissa
    limit = scale * (2 - 2.0**-mantissa)
    expected = (torch.round(x.abs() / least) * least).clamp(least, limit) * torch.sign(x)
    assert torch.equal(spike, torch.where(small & (plain != 0), expected, plain))
    assert (digits_of(spike.abs() / scale, mantissa) <= digits_of(plain.abs() / scale, mantissa) + 1).all()
    assert ((spike - x).abs()[small & (x.abs() <= limit)] <= least / 2).all()
    option = make_dynamics("differential", options={"gradual": True}).step(before, x, 1, neuron)[1]
    assert torch.equal(option, spike)


def test_small_spikes_have_fewer_digits() -> None:
    x = torch.linspace(0.01, 0.2, 500)
    neuron, before = Neuron(1.0, levels=6, mantissa=4), State(torch.zeros(500))
    sent = [
        make_dynamics("differential", options={"gradual": on}).step(before, x, 1, neuron)[1] for on in (True, False)
    ]
    few, many = (digits_of(spike, 4).sum() for spike in sent)
    assert few < 0.7 * many


@pytest.mark.parametrize("executor", list(EXECUTORS))
def test_a_network_with_it(executor: str, tmp_path) -> None:
    snn = network(CNN)
    x, name = sample(snn, 3)["x"], snn.population_names()[0]
    snn.set_population(name, levels=4, mantissa=4)
    before = snn.run(x, 3, executor=executor, operations=True)
    snn.set_population(name, gradual=1)
    after = snn.run(x, 3, executor=executor, operations=True)
    assert after.operations[3].shift_adds < before.operations[3].shift_adds
    again = SpikingModel(snn.proto).run(x, 3, executor=executor, operations=True)
    assert torch.equal(torch.as_tensor(again.outputs[3]), torch.as_tensor(after.outputs[3]))
    assert "mantissa 4, gradual]" in to_text(snn.proto)


def test_it_is_written_where_it_is_so() -> None:
    node = next(node for node in proto(CNN).graph.node if is_neuron(node))
    write_neuron(node, NeuronAttributes(1))
    assert "gradual" not in {a.name for a in node.attribute}
    write_neuron(node, NeuronAttributes(1, gradual=1))
    assert "gradual" in {a.name for a in node.attribute}


def test_what_is_neither() -> None:
    snn = network(CNN)
    with pytest.raises(InputError, match=r"is gradual 2: 0 or 1"):
        snn.set_population(snn.population_names()[0], gradual=2)
    with pytest.raises(InputError, match=r"gradual is 'yes': give True, False or None"):
        make_dynamics("differential", options={"gradual": "yes"})
