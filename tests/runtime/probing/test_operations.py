"""Synaptic operations: non-zero changes times the non-zero weights that they meet, counted by hand."""

import numpy as np
import pytest
import torch

from onnx2snn_runtime.model import SpikingModel
from tests.runtime.execution.test_event import CODINGS, spiking
from tests.runtime.networks import LAYERS, network, sample


def set_weight(snn: SpikingModel, name: str, value: np.ndarray) -> None:
    getattr(snn.program, snn.program._names[name]).copy_(torch.from_numpy(value))


@pytest.mark.parametrize("executor", ["step", "event", "layer"])
def test_a_gemm(executor: str) -> None:
    snn = network(
        """net (float[N, 2] x) => (float[N, 3] y) <float[2, 3] w, float[3] b>
        { h = onnx2snn.SpikingRelu(x)  y = Gemm<alpha = 0.5>(h, w, b) }"""
    )
    set_weight(snn, "w", np.array([[1, 0, 2], [0, 0, 5]], np.float32))
    # scale 4, one mantissa bit: 1.0 is sent at once; 1.25 goes as 1 (half to even) and 1/4; -1 is silence
    x = np.array([[1.0, -1.0], [1.25, 1.0]], np.float32)
    run = snn.run(x, timesteps=[1, 2, 3], operations=True, executor=executor, probes=["spikes"])
    assert run.probes["spikes"]["neuron_h"][:, 1, 0].tolist() == [1.0, 0.25, 0.0]
    assert run.events == {1: 3, 2: 4, 3: 4}
    assert run.synaptic_operations == {1: 2 + 2 + 1, 2: 2 + 2 + 1 + 2, 3: 7}


@pytest.mark.parametrize("executor", ["step", "event", "layer"])
def test_a_convolution_meets_fewer_weights_at_the_border(executor: str) -> None:
    snn = network(
        """net (float[N, 1, 4] x) => (float[N, 2, 4] y) <float[2, 1, 3] w, float[2] b>
        { h = onnx2snn.SpikingRelu(x)  y = Conv<pads = [1, 1]>(h, w, b) }"""
    )
    set_weight(snn, "w", np.array([[[1, 1, 1]], [[0, 3, 0]]], np.float32))
    run = snn.run(np.array([[[1, 1, 0, 0]]], np.float32), timesteps=[1, 4], operations=True, executor=executor)
    assert run.synaptic_operations == {1: (2 + 1) + (3 + 1), 4: 7}


@pytest.mark.parametrize("executor", ["step", "event", "layer"])
def test_biases_send_nothing(executor: str) -> None:
    snn = network(
        """net (float[N, 2] x) => (float[N, 2] y) <float[2, 2] w, float[2] b>
        { h = onnx2snn.SpikingRelu(x)  a = Add(h, b)  y = MatMul(a, w) }"""
    )
    set_weight(snn, "w", np.ones((2, 2), np.float32))
    run = snn.run(np.array([[1, -1]], np.float32), timesteps=[1, 2], operations=True, executor=executor)
    assert run.synaptic_operations == {1: 2, 2: 2}


@pytest.mark.parametrize("executor", ["step", "event", "layer"])
def test_a_product_of_two_activations_counts_both_operands(executor: str) -> None:
    snn = network(
        """net (float[N, 1, 2] x, float[N, 2, 1] z) => (float[N, 1, 1] y)
        { g = onnx2snn.SpikingRelu(x)  h = onnx2snn.SpikingRelu(z)  y = onnx2snn.SpikingMatMul(g, h) }"""
    )
    x = {"x": np.array([[[1, 1]]], np.float32), "z": np.array([[[1], [0]]], np.float32)}
    run = snn.run(x, timesteps=[1, 2], operations=True, executor=executor)
    # both elements of x change, one meets a zero; the one that changes of z meets a one
    assert run.synaptic_operations == {1: 1 + 1, 2: 2}


@pytest.mark.parametrize("encoder", CODINGS)
@pytest.mark.parametrize("name", LAYERS)
def test_executors_agree(name: str, encoder: str) -> None:
    snn = spiking(name, encoder, dyadic=True)
    x = sample(snn, 3, dyadic=True)
    counted = [
        snn.run(x, timesteps=[1, 2, 5], operations=True, executor=executor).synaptic_operations
        for executor in ("step", "event", "layer")
    ]
    assert counted[0] == counted[1] == counted[2]
    assert counted[0][1] <= counted[0][5]
    assert (counted[0][5] == 0) == (name == "two" and encoder == "direct")  # nothing weighted behind its neurons


def test_a_batch_that_is_filled_up_counts_real_samples_only() -> None:
    snn, fixed = (network(LAYERS["cnn"].replace("[N, 2", f"[{n}, 2"), batch=b) for n, b in (("N", 0), ("4", 4)))
    x = sample(snn, 6)["x"]
    expected, found = (model.run(x, timesteps=3, operations=True) for model in (snn, fixed))
    assert found.synaptic_operations == expected.synaptic_operations
    assert found.events == expected.events


def test_without_asking_nothing_is_counted() -> None:
    snn = network(LAYERS["mlp"])
    assert snn.run(sample(snn, 2), timesteps=2).synaptic_operations == {}
