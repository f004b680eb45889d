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
        snn.run(x, timesteps=[1, 2, 5], operations=True, executor=executor).operations
        for executor in ("step", "event", "layer")
    ]
    if encoder != "float":  # whose steps are not dyadic
        assert counted[0] == counted[1] == counted[2]
    sums = [[operations[t].synaptic_operations for t in (1, 2, 5)] for operations in counted]
    assert sums[0] == sums[1] == sums[2]
    assert 0 < sums[0][0] <= sums[0][2]
    direct = [layer for layer in counted[0][5].layers if layer.kind == "direct"]
    assert bool(direct) == (encoder == "direct" and name != "control")


RELUS = """net (float[N, 2, 8, 8] x) => (float[N, 3] y)
<float[4, 2, 3, 3] c, float[4] b, float[4, 4, 3, 3] d, float[4, 4, 1, 1] e, float[16, 3] w, int64[2] s = {-1, 16}>
{ a = Conv<pads = [1, 1, 1, 1]>(x, c, b)  g = onnx2snn.SpikingRelu(a)
  p = AveragePool<kernel_shape = [2, 2], strides = [2, 2]>(g)
  q = Conv<pads = [1, 1, 1, 1]>(p, d, b)  r = Conv(q, e)  t = Add(r, p)  h = onnx2snn.SpikingRelu(t)
  k = AveragePool<kernel_shape = [2, 2], strides = [2, 2]>(h)  f = Reshape(k, s)  y = MatMul(f, w) }"""


@pytest.mark.parametrize("dynamics", ["if", "lif", "subgradient", "differential"])
@pytest.mark.parametrize("chunk", [None, 2])
def test_pools_and_layers_without_neurons_under_every_dynamics(dynamics: str, chunk: int | None) -> None:
    snn = network(RELUS)
    x = sample(snn, 3)["x"]
    options = {} if chunk is None else {"max_memory": 100_000}
    layer, event = (
        snn.run(x, timesteps=[1, 2, 6], operations=True, executor=executor, dynamics=dynamics, **more).operations
        for executor, more in (("layer", options), ("event", {}))
    )
    assert layer[6].shift_adds > 0
    assert layer == event or dynamics == "differential"  # whose estimates are rounded
    for t in (1, 2, 6):
        assert layer[t].events == event[t].events
        assert layer[t].synaptic_operations == pytest.approx(event[t].synaptic_operations, rel=1e-2)


@pytest.mark.parametrize("dynamics", ["if", "differential"])
def test_without_a_compiler_the_same_is_counted(monkeypatch: pytest.MonkeyPatch, dynamics: str) -> None:
    snn = network(RELUS)
    x = sample(snn, 3)["x"]
    expected = snn.run(x, timesteps=[2, 5], operations=True, dynamics=dynamics).operations
    for module in ("native", "tally", "pairs"):
        monkeypatch.setattr(f"onnx2snn_runtime.kernels.{module}.library", lambda name: None)
    monkeypatch.setattr("onnx2snn_runtime.execution.found_kernels.Kernels.tallies", lambda *_: False)
    snn = network(RELUS)  # kernels are kept with a network
    assert snn.run(x, timesteps=[2, 5], operations=True, dynamics=dynamics).operations == expected


def test_a_batch_that_is_filled_up_counts_real_samples_only() -> None:
    snn, fixed = (network(LAYERS["cnn"].replace("[N, 2", f"[{n}, 2"), batch=b) for n, b in (("N", 0), ("4", 4)))
    x = sample(snn, 6)["x"]
    expected, found = (model.run(x, timesteps=3, operations=True) for model in (snn, fixed))
    assert found.synaptic_operations == expected.synaptic_operations
    assert found.events == expected.events


def test_without_asking_nothing_is_counted() -> None:
    snn = network(LAYERS["mlp"])
    assert snn.run(sample(snn, 2), timesteps=2).synaptic_operations == {}


def layers_of(text: str, x: dict | np.ndarray, steps: int = 1, executor: str = "layer", **options: object) -> dict:
    """Return the operations of the layers of the network `text`, all of whose weights are ones, by name."""
    snn = network(text)
    for name, held in snn.program.constants.items():
        held.fill_(1.0) if name in "wu" else None
    run = snn.run(x, timesteps=steps, operations=True, executor=executor, **options)
    return {layer.name: layer for layer in run.operations[steps].layers}


CHAIN = """net (float[N, 2] x) => (float[N, 3] y) <float[2, 4] w, float[4, 3] u>
{ h = onnx2snn.SpikingRelu(x)  a = MatMul(h, w)  y = MatMul(a, u) }"""


@pytest.mark.parametrize("executor", ["step", "event", "layer"])
def test_what_a_layer_without_neurons_gives_is_a_number(executor: str) -> None:
    found = layers_of(CHAIN, np.array([[1.5, 0.0]], np.float32), executor=executor)
    # 1.5 is two signed digits for each of 4 weights; behind them 4 numbers meet 3 weights each
    assert (found["a"].shift_adds, found["a"].multiplications, found["a"].effective_macs) == (8, 0, 4)
    assert (found["y"].shift_adds, found["y"].multiplications, found["y"].effective_macs) == (0, 12, 12)
    assert (found["a"].dense_macs, found["y"].dense_macs) == (8, 12)


@pytest.mark.parametrize("executor", ["step", "event", "layer"])
def test_the_first_layer_runs_once(executor: str) -> None:
    text = """net (float[N, 3] x) => (float[N, 1] y) <float[3, 2] w, float[2, 1] u>
    { a = MatMul(x, w)  h = onnx2snn.SpikingRelu(a)  y = MatMul(h, u) }"""
    found = layers_of(text, np.array([[1.0, 0.0, 2.0]], np.float32), steps=3, executor=executor)
    first = found["a"]
    assert (first.kind, first.effective_macs, first.multiplications, first.dense_macs) == ("direct", 4, 4, 6)
    assert (found["y"].dense_macs, found["y"].dense_once) == (6, 2)


@pytest.mark.parametrize("executor", ["step", "event", "layer"])
def test_a_constant_that_comes_with_the_input_is_multiplied_once(executor: str) -> None:
    text = """net (float[N, 2] x, float[N, 2] z) => (float[N, 3] y) <float[2, 3] w>
    { h = onnx2snn.SpikingRelu(x)  a = Add(h, z)  y = MatMul(a, w) }"""
    x = {"x": np.array([[1.0, 0.0]], np.float32), "z": np.array([[0.5, 0.25]], np.float32)}
    found = layers_of(text, x, steps=2, executor=executor)["y"]
    assert (found.shift_adds, found.multiplications, found.effective_macs) == (3, 6, 9)


@pytest.mark.parametrize("executor", ["step", "event", "layer"])
def test_a_sum_of_few_digits_is_shifted_and_added_one_of_many_is_multiplied(executor: str) -> None:
    text = """net (float[N, 1, 6] x) => (float[N, 2, 2] y) <float[2, 1, 1] w>
    { h = onnx2snn.SpikingRelu(x)  p = AveragePool<kernel_shape = [K], strides = [K]>(h)  y = Conv(p, w) }"""
    two, three = np.array([[[1, 1, 1, 0, 3, 0]]], np.float32), np.array([[[1, 1, 1, 1, 1, 0]]], np.float32)
    found = layers_of(text.replace("K", "2"), two, executor=executor)["y"]  # 1, 1/2 and 3/2 meet 2 weights each
    assert (found.shift_adds, found.multiplications, found.effective_macs, found.effective_acs) == (8, 0, 6, 0)
    found = layers_of(text.replace("K", "3"), three, executor=executor)["y"]  # 1 and 2/3
    assert (found.shift_adds, found.multiplications, found.effective_macs, found.effective_acs) == (2, 2, 4, 0)


@pytest.mark.parametrize("executor", ["step", "event", "layer"])
@pytest.mark.parametrize(("x", "binary"), [([1, 1, 0, 0], True), ([1, 1, 1, 0], False)])
def test_a_pool_of_units_may_be_a_unit(x: list[int], binary: bool, executor: str) -> None:
    text = """net (float[N, 1, 4] x) => (float[N, 2, 2] y) <float[2, 1, 1] w>
    { h = onnx2snn.SpikingRelu(x)  p = AveragePool<kernel_shape = [2], strides = [2]>(h)  y = Conv(p, w) }"""
    found = layers_of(text, 4 * np.array([[x]], np.float32), executor=executor, dynamics="if")["y"]
    assert (found.effective_acs, found.effective_macs) == ((2, 0) if binary else (0, 4))


def test_a_spike_meets_every_layer_that_it_reaches() -> None:
    text = """net (float[N, 2] x) => (float[N, 4] y, float[N, 5] z) <float[2, 4] w, float[4, 5] u>
    { g = onnx2snn.SpikingRelu(x)  h = onnx2snn.SpikingTanh(x)  n = Neg(g)  c = Concat<axis = 1>(n, h)
      y = MatMul(g, w)  z = MatMul(c, u) }"""
    found = layers_of(text, np.array([[1.0, 0.0]], np.float32))
    assert (found["y"].shift_adds, found["z"].shift_adds) == (4, 5 + 5 * 2)  # tanh 1 is 1.5 / 8 to a bit
    assert found["z"].effective_macs == 10  # one unit of each is a fourth of its scale


def test_signs_of_one_size_are_accumulated() -> None:
    text = (
        """net (float[N, 2] x) => (float[N, 3] y) <float[2, 3] w> { h = onnx2snn.SpikingRelu(x)  y = MatMul(h, w) }"""
    )
    found = layers_of(text, np.array([[1.0, 0.0]], np.float32), steps=4, dynamics="signgd")["y"]
    assert (found.effective_acs, found.effective_macs, found.shift_adds) == (24, 0, 24)


def test_what_was_sent_and_evaluated() -> None:
    snn = network(LAYERS["mlp"])
    run = snn.run(sample(snn, 5), timesteps=[1, 3], operations=True, batch_size=2)
    found = run.operations[3]
    assert (found.samples, found.steps, found.neurons, found.evaluations) == (5, 15, 8, 120)
    assert found.events == run.events[3]
    assert found.bits == 6 * found.events  # a sign, 12 exponents, one bit of mantissa
    assert found.events <= found.signed_digits <= 2 * found.events
    assert found.activation_sparsity == 1 - found.events / 120
    assert found.shift_adds_per_mac == found.shift_adds / (5 * (32 + 24))
