"""Networks as layers: run by their definition they spike as our own runs do."""

import numpy as np
import pytest

from onnx2snn.export.lines.order import walk
from onnx2snn.export.lines.targets import TIE
from onnx2snn.export.lines.translate import Wanted, translate
from onnx2snn.export.verification import decoded
from onnx2snn_runtime.dynamics.base import make_dynamics
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.model import SpikingModel
from tests.onnx2snn.export.simulate import simulate
from tests.runtime.networks import network

NETWORKS = {
    "mlp": """g (float[N, 4] x) => (float[N, 3] y) <float[4, 8] w, float[8] b, float[8, 3] u>
    { a = Gemm(x, w, b)  h = onnx2snn.SpikingRelu(a)  y = MatMul(h, u) }""",
    "strides, groups and unequal pads": """g (float[N, 4, 7, 6] x) => (float[N, 3] y)
    <float[8, 2, 3, 2] w, float[8] b, float[6, 8, 1, 3] v, float[6, 3] u>
    { a = Conv<group = 2, pads = [0, 1, 1, 1], strides = [2, 1]>(x, w, b)  h = onnx2snn.SpikingRelu(a)
      c = Conv<auto_pad = "SAME_UPPER", strides = [2, 2]>(h, v)  g = onnx2snn.SpikingRelu(c)
      p = GlobalAveragePool(g)  f = Flatten(p)  y = MatMul(f, u) }""",
    "a shortcut, a pool, a bias behind": """g (float[N, 2, 8, 8] x) => (float[N, 3] y)
    <float[4, 2, 3, 3] w, float[4] b, float[4, 4, 3, 3] v, float[4, 1, 1] k, float[36, 3] u, float[3] d>
    { a = Conv(x, w, b)  h = onnx2snn.SpikingRelu(a)  c = Conv<pads = [1, 1, 1, 1]>(h, v)  r = Add(c, h)
      s = Add(r, k)  g = onnx2snn.SpikingRelu(s)  p = AveragePool<kernel_shape = [2, 2], strides = [2, 2]>(g)
      f = Flatten(p)  y = Gemm(f, u, d) }""",
    "a shortcut with weights": """g (float[N, 2, 8, 8] x) => (float[N, 4, 1, 1] y)
    <float[4, 2, 3, 3] w, float[6, 4, 3, 3] v, float[6, 6, 3, 3] q, float[6, 4, 1, 1] t, float[4, 6, 1, 1] u>
    { a = Conv<pads = [1, 1, 1, 1]>(x, w)  h = onnx2snn.SpikingRelu(a)
      c = Conv<pads = [1, 1, 1, 1], strides = [2, 2]>(h, v)  m = onnx2snn.SpikingRelu(c)
      e = Conv<pads = [1, 1, 1, 1]>(m, q)  o = Conv<strides = [2, 2]>(h, t)  r = Add(e, o)
      g = onnx2snn.SpikingRelu(r)  p = GlobalAveragePool(g)  y = Conv(p, u) }""",
    "channels joined, values halved": """g (float[N, 2, 6, 6] x) => (float[N, 2] y)
    <float[3, 2, 3, 3] w, float[2, 3, 3, 3] v, float half = {0.5}, float[2, 5, 1, 1] u>
    { a = Conv(x, w)  h = onnx2snn.SpikingRelu(a)  c = Conv<pads = [1, 1, 1, 1]>(h, v)  g = onnx2snn.SpikingRelu(c)
      j = Concat<axis = 1>(h, g)  k = Mul(j, half)  e = Conv(k, u)  i = onnx2snn.SpikingRelu(e)
      y = ReduceMean<axes = [2, 3], keepdims = 0>(i) }""",
    "one dimension": """g (float[N, 2, 9] x) => (float[N, 3, 5] y) <float[4, 2, 3] w, float[3, 4, 3] u>
    { a = Conv(x, w)  h = onnx2snn.SpikingRelu(a)  n = Neg(h)  y = Conv(n, u) }""",
    "a difference": """g (float[N, 4] x) => (float[N, 3] y) <float[4, 5] w, float[4, 5] v, float[5, 3] u>
    { a = MatMul(x, w)  b = MatMul(x, v)  h = onnx2snn.SpikingRelu(a)  g = onnx2snn.SpikingRelu(b)  d = Sub(h, g)
      e = Add(d, d)  i = onnx2snn.SpikingRelu(e)  y = MatMul(i, u) }""",
}


def samples(snn: SpikingModel, count: int = 6) -> np.ndarray:
    """Return inputs of `snn`, float32."""
    shape = snn.program.inputs[0].shape
    assert shape
    return np.random.default_rng(1).normal(size=(count, *shape[1:])).astype(np.float32)


def scaled(snn: SpikingModel, channels: bool) -> SpikingModel:
    """Give every population a scale, or one for each of its channels."""
    draw = np.random.default_rng(2)
    ranks = {item.name: shape for item, shape in zip(snn.program.populations, _shapes(snn), strict=True)}
    for name, shape in ranks.items():
        size = (shape[0],) + (1,) * (len(shape) - 1) if channels else ()
        snn.set_population(name, scale=draw.uniform(0.3, 1.5, size).astype(np.float32))
    return snn


def _shapes(snn: SpikingModel) -> list[tuple[int, ...]]:
    run = snn.run(samples(snn, 2), 1, probes=["spikes"], executor="step", dynamics="differential")
    return [tuple(run.probes["spikes"][item.name].shape[2:]) for item in snn.program.populations]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("channels", [False, True], ids=["layer", "channel"])
@pytest.mark.parametrize(("reset", "sums"), [("soft", False), ("hard", True)])
def test_layers_spike_as_our_own_neurons(name: str, channels: bool, reset: str, sums: bool) -> None:
    snn = scaled(network(NETWORKS[name]), channels)
    dynamics = make_dynamics("if", None, {"reset": reset, "initial": 0.0})
    wanted = Wanted(sums and "one dimension" not in name)
    made = translate(snn.program, dynamics, wanted)
    if sums and name != "one dimension":
        walk(made)
    compare(snn, made, {"dynamics": "if", "dynamics_options": {"reset": reset, "initial": 0.0}})


def compare(snn: SpikingModel, made, overrides, steps: int = 12, leak: float = 1.0, gain: float = 1.0) -> None:
    """Run `made` and `snn` and compare all spikes and the answers."""
    x = samples(snn)
    run = snn.run(x, steps, probes=["spikes"], executor="step", **overrides)
    reset = overrides["dynamics_options"]["reset"]
    outputs, spikes = simulate(made, x, steps, reset, TIE, leak)
    sent = 0
    for population, layer in made.neurons.items():
        ours = (run.probes["spikes"][population] != 0).numpy()
        sent += ours.sum()
        assert (ours != spikes[layer.name]).mean() < 2e-3, population
    assert sent > 50
    answers = decoded(outputs, leak)[-1]
    assert np.abs(answers - run.outputs[steps]).max() < 2e-2 * max(1.0, np.abs(answers).max())


def test_a_leak_is_kept() -> None:
    snn = scaled(network(NETWORKS["mlp"]), False)
    options = {"reset": "hard", "initial": 0.0, "leak": 0.8}
    made = translate(snn.program, make_dynamics("lif", None, options), Wanted(False))
    compare(snn, made, {"dynamics": "lif", "dynamics_options": options}, leak=0.8)


def test_a_gain_multiplies_what_neurons_are_given() -> None:
    snn, dynamics = network(NETWORKS["mlp"]), make_dynamics("if", None, {"initial": 0.0})
    plain, loud = (translate(snn.program, dynamics, Wanted(False, gain)) for gain in (1.0, 5.0))
    for a, b, factor in zip(plain.layers, loud.layers, (1, 5, 1, 1, 1), strict=True):
        if a.weight is not None:
            assert np.allclose(a.weight * factor, b.weight)
            assert np.allclose(a.bias * factor, b.bias)


@pytest.mark.parametrize("name", ["mlp", "a shortcut, a pool, a bias behind", "a difference"])
def test_a_bias_fills_membranes(name: str) -> None:
    """After T steps the biases have added up to what membranes would have started with."""
    snn = scaled(network(NETWORKS[name]), False)
    dynamics = make_dynamics("if", None, {"initial": 0.0})
    without, filled = (translate(snn.program, dynamics, Wanted(False), bias) for bias in (0.0, 0.25))
    x = np.zeros_like(samples(snn))
    first = next(iter(filled.neurons))
    _, before = simulate(without, x, 8, "soft", TIE)
    _, after = simulate(filled, x, 8, "soft", TIE)
    gained = after[filled.neurons[first].name].sum(0) - before[without.neurons[first].name].sum(0)
    assert gained.min() >= 0
    assert gained.max() >= 2


def test_what_cannot_be_said_is_named_all_at_once() -> None:
    snn = network("""g (float[N, 4] x) => (float[N, 3] y) <float[4, 8] w, float[8, 3] u>
    { a = MatMul(x, w)  h = onnx2snn.SpikingTanh(a)  b = MatMul(x, w)  r = onnx2snn.SpikingRelu(b)
      e = ReduceSum<keepdims = 1>(r)  i = onnx2snn.SpikingRelu(e)  j = Add(h, i)  y = MatMul(j, u) }""")
    with pytest.raises(UnsupportedError, match=r"'neuron_h': is no ReLU.* average pooling.*; the ReduceSum .*no node"):
        translate(snn.program, make_dynamics("if", None, {}), Wanted(False))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("""g (float[N, 2, M, 4] x) => (float[N, 2, M, 4] y) <float[2, 2, 1, 1] w, float[2, 2, 1, 1] u>
         { a = Conv(x, w)  h = onnx2snn.SpikingRelu(a)  y = Conv(h, u) }""", "free axes: export the network"),
        ("""g (float[N, 4] x, float[N, 4] z) => (float[N, 4] y)
         { a = Add(x, z)  y = onnx2snn.SpikingRelu(a) }""", "has 2 inputs: a NIR file is read with one"),
        ("""g (float[N, 3, 4] x) => (float[N, 3, 5] y) <float[4, 5] w>
         { a = MatMul(x, w)  y = onnx2snn.SpikingRelu(a) }""", "not a vector a sample"),
        ("""g (float[N, 2, 8, 8] x) => (float[N, 2, 6, 7] y) <float[2, 2, 3, 2] w>
         { a = Conv(x, w)  y = onnx2snn.SpikingRelu(a) }""", "cannot be made square"),
        ("""g (float[N, 2, 8, 8] x) => (float[N, 2, 4, 4] y) { a = onnx2snn.SpikingRelu(x)
         y = AveragePool<kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2]>(a) }""", "fewer places"),
        ("""g (float[N, 2, 8, 8] x) => (float[N, 2, 4, 4] y) { a = onnx2snn.SpikingRelu(x)
         y = AveragePool<kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2], count_include_pad = 1>(a) }""",
         "its pads out, or choose --target spikingjelly or snntorch"),
        ("""g (float[N, 2, 8, 8] x) => (float[N, 2, 4, 4] y) { a = onnx2snn.SpikingRelu(x)
         y = AveragePool<kernel_shape = [2, 2], pads = [0, 0, 1, 1], strides = [2, 2], count_include_pad = 1>(a) }""",
         "one end more than the other"),
    ],
)  # fmt: skip
def test_refusals_say_why(text: str, why: str) -> None:
    with pytest.raises(UnsupportedError, match=why):
        translate(network(text).program, make_dynamics("if", None, {}), Wanted(True))


def test_scales_of_single_neurons_do_not_pass_a_convolution() -> None:
    snn = network(NETWORKS["a shortcut with weights"])
    name = snn.population_names()[0]
    snn.set_population(name, scale=np.ones((4, 8, 8), np.float32) * np.arange(1, 9, dtype=np.float32))
    with pytest.raises(UnsupportedError, match="scales of their own"):
        translate(snn.program, make_dynamics("if", None, {}), Wanted(False))
