"""The operations of the plain network, counted by hand."""

import numpy as np
import pytest

from onnx2snn_runtime.model import SpikingModel
from tests.runtime.networks import LAYERS, network, sample


def set_ones(snn: SpikingModel) -> SpikingModel:
    for name, held in snn.program.constants.items():
        held.fill_(1.0 if name in "wu" else -2.5)
    return snn


def test_a_perceptron() -> None:
    snn = set_ones(network(LAYERS["mlp"]))  # relu of the sum of x, less 2.5
    x = np.array([[1, 2, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]], np.float32)
    found = snn.plain_operations(x, batch_size=2)
    first, second = found.layers
    assert (first.kind, first.effective_macs, first.dense_once) == ("direct", (2 + 2 + 4) * 8, 3 * 32)
    assert (second.kind, second.effective_macs, second.dense_once) == ("synapse", 2 * 8 * 3, 3 * 24)
    assert (found.samples, found.neurons, found.evaluations) == (3, 8, 24)
    assert found.effective_acs == found.shift_adds == 0


def test_an_input_that_is_added_to_is_no_spike() -> None:
    snn = network(
        """net (float[N, 2] x) => (float[N, 3] y) <float[2, 3] w, float[2] b>
        { h = onnx2snn.SpikingRelu(x)  a = Add(h, b)  y = MatMul(a, w) }"""
    )
    found = set_ones(snn).plain_operations(np.array([[2.5, -1]], np.float32))  # 2.5 - 2.5 is zero, and -2.5 is not
    assert found.effective_macs == 3


def test_products_of_two_activations() -> None:
    snn = network(
        """net (float[N, 2, 3] x, float[N, 3, 4] z) => (float[N, 2, 4] y)
        { g = onnx2snn.SpikingRelu(x)  h = onnx2snn.SpikingRelu(z)  y = onnx2snn.SpikingMatMul(g, h) }"""
    )
    x = {"x": np.ones((1, 2, 3), np.float32), "z": np.ones((1, 3, 4), np.float32)}
    x["x"][0, 0] = [1, 0, 0]
    x["z"][0, 1] = -1
    (layer,) = snn.plain_operations(x).layers
    assert (layer.kind, layer.dense_once) == ("product", 24)
    assert layer.products == layer.multiplications == 4 + 2 * 4


@pytest.mark.parametrize("name", LAYERS)
def test_dense_operations_are_those_of_a_run(name: str) -> None:
    snn = network(LAYERS[name])
    x = sample(snn, 3)
    run, plain = snn.run(x, timesteps=2, operations=True).operations[2], snn.plain_operations(x)
    assert [layer.name for layer in run.layers] == [layer.name for layer in plain.layers]
    for layer, once in zip(run.layers, plain.layers, strict=True):
        assert layer.dense_once == once.dense_once > 0
        assert once.effective_macs + once.products <= once.dense_once
        dense = layer.dense_macs + layer.dense_products
        assert dense == layer.dense_once * (1 if layer.kind == "direct" else 2)


def test_a_run_and_a_pass_may_take_turns() -> None:
    snn = network(
        """net (float[N, 1, 4] x) => (float[N, 2, 2] y) <float[2, 1, 1] w>
        { h = onnx2snn.SpikingRelu(x)  p = AveragePool<kernel_shape = [2], strides = [2]>(h)  y = Conv(p, w) }"""
    )
    x = set_ones(snn) and np.array([[[1, 1, 1, 0]]], np.float32)
    first, plain = snn.run(x, timesteps=2, operations=True).operations, snn.plain_operations(x)
    (layer,) = plain.layers  # 1 and 1/2 meet two weights each: as sums in a run, as numbers here
    assert (layer.effective_macs, layer.multiplications, layer.shift_adds) == (4, 4, 0)
    assert snn.run(x, timesteps=2, operations=True).operations == first
    assert (first[2].shift_adds, first[2].multiplications) == (4, 0)
    assert snn.plain_operations(x) == plain


def test_a_batch_that_is_filled_up_counts_real_samples_only() -> None:
    snn, fixed = (network(LAYERS["cnn"].replace("[N, 2", f"[{n}, 2"), batch=b) for n, b in (("N", 0), ("4", 4)))
    x = sample(snn, 6)["x"]
    assert snn.plain_operations(x).layers == fixed.plain_operations(x).layers
    runs = [model.run(x, timesteps=3, operations=True).operations[3] for model in (snn, fixed)]
    assert runs[0].layers == runs[1].layers
    assert (runs[0].events, runs[0].signed_digits) == (runs[1].events, runs[1].signed_digits)
