"""ReLUs are known by what they compute, and what is none is refused by name before a run starts."""

import pytest
import torch

from onnx2snn_runtime.dynamics.base import make_dynamics
from onnx2snn_runtime.errors import InputError, UnsupportedError
from onnx2snn_runtime.program.rectifiers import check_expressible
from tests.runtime import networks
from tests.runtime.networks import LAYERS, MLP, network, sample

INF = float("inf")
NUMBERS = "float zero = {0}, float one = {1}, float six = {6}, float half = {0.5}, float low = {-1}"
BODIES = {
    "Relu": ("(x) => (y) { y = Relu(x) }", "", INF),
    "Clip": ("(x, c, d) => (y) { y = Clip(x, c, d) }", ", zero, six", 6.0),
    "Floor": ("(x, c) => (y) { y = Max(x, c) }", ", zero", INF),
    "Branch": ("(x, c) => (y) { m = Greater(x, c)  y = Where(m, x, c) }", ", zero", INF),
    "Absolute": ("(x, h) => (y) { a = Abs(x)  s = Add(a, x)  y = Mul(s, h) }", ", half", INF),
    "Difference": ("(x, c) => (y) { n = Neg(x)  m = Max(x, c)  k = Min(m, m)  y = Identity(k) }", ", zero", INF),
    "Sandwich": ("(x, d) => (y) { r = Relu(x)  y = Min(r, d) }", ", one", 1.0),
    "Hard": ("(x, c, d) => (y) { y = Clip(x, c, d) }", ", low, one", None),
    "Leaky": ("(x) => (y) { y = LeakyRelu(x) }", "", None),
    "Gelu": ("(x) => (y) { s = Sigmoid(x)  y = Mul(x, s) }", "", None),
    "Softmax": ("(x) => (y) { y = Softmax(x) }", "", None),
    "Maximum": ("(x) => (y) { y = GlobalMaxPool(x) }", "", None),
    "Negative": ("(x) => (y) { n = Neg(x)  y = Relu(n) }", "", None),
    "Sorted": ("(x) => (y) { r = Relu(x)  s = Softsign(r)  y = Mul(r, s) }", "", None),
    "Twice": ("(x) => (y) { r = Relu(x)  y = Add(r, r) }", "", None),
    "Zero": ("(x, c) => (y) { y = Mul(x, c) }", ", zero", None),
}


def single(name: str, monkeypatch: pytest.MonkeyPatch):
    """Return a network whose one neuron has the body `name`."""
    body, constants, _ = BODIES[name]
    monkeypatch.setitem(networks.BODIES, name, body)
    text = f"n (float[N, 8] x) => (float[N, 8] y) <float[8, 8] w, {NUMBERS}>"
    return network(f"{text} {{ a = MatMul(x, w)  y = onnx2snn.Spiking{name}(a{constants}) }}")


@pytest.mark.parametrize("name", BODIES)
def test_a_body_is_known_by_what_it_computes(name, monkeypatch) -> None:
    snn, wanted = single(name, monkeypatch), BODIES[name][2]
    if wanted is None:
        with pytest.raises(UnsupportedError, match=f"has other neurons: {name} "):
            check_expressible(snn.program, make_dynamics("if"))
    else:
        assert check_expressible(snn.program, make_dynamics("if")) == {"y": wanted}
    assert check_expressible(snn.program, make_dynamics("signgd")) == {}


@pytest.mark.parametrize("executor", ["step", "event", "layer"])
@pytest.mark.parametrize("dynamics", ["subgradient", "if", "lif"])
def test_all_neurons_that_cannot_be_expressed_are_named(dynamics, executor) -> None:
    snn = network(LAYERS["product"])
    with pytest.raises(
        UnsupportedError,
        match=f"the dynamics '{dynamics}' expresses ReLU and clipped ReLU alone, and the model has other neurons: "
        r"Tanh \(neuron_p\), Tanh \(neuron_m\), MatMul \(neuron_s\), Mul \(neuron_t\); choose the dynamics "
        "differential or signgd",
    ):
        snn.run(sample(snn, 2), timesteps=2, dynamics=dynamics, executor=executor)


def test_a_region_is_named_by_its_operators(monkeypatch) -> None:
    monkeypatch.setitem(BODIES, "Region7", BODIES["Gelu"])
    snn = single("Region7", monkeypatch)
    with pytest.raises(UnsupportedError, match=r"has other neurons: Swish \(neuron_y\)"):
        check_expressible(snn.program, make_dynamics("lif"))


def test_in_every_precision() -> None:
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        snn = network(MLP).to(dtype)
        assert check_expressible(snn.program, make_dynamics("lif")) == {"h": INF}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delay": 2}, "the delay is 2: give 0 .* or 1"),
        ({"delai": 1}, "a run has no option 'delai': it has dynamics, .*, delay"),
        ({"dynamics_options": {"level": 3}}, "'differential' has no option 'level': it has levels, mantissa, annealed"),
        ({"dynamics": "signgd", "schedule_options": {"gamma": 1}}, "the schedule 'exponential' has no option 'gamma'"),
    ],
)
def test_options_that_a_run_does_not_have(options, message) -> None:
    snn = network(MLP)
    with pytest.raises(InputError, match=message):
        snn.run(sample(snn, 1), timesteps=1, **options)


def test_dynamics_bring_their_schedule_unless_one_is_chosen() -> None:
    snn, plain = network(MLP, dyadic=True), {"dynamics": "subgradient"}
    x = sample(snn, 2)["x"]
    falling = {"schedule": "inverse", "schedule_options": {"offset": 1.0}}
    own, chosen = snn(x, timesteps=5, **plain), snn(x, timesteps=5, **plain, **falling)
    assert (own == chosen).all()
    assert (snn(x, timesteps=5, **plain, schedule="exponential") != own).any()
    snn.set_defaults(schedule="exponential", schedule_options={"initial": 0.5})
    assert (snn(x, timesteps=5, **plain) != own).any()


def test_a_model_keeps_its_delay(tmp_path) -> None:
    snn = network(LAYERS["cnn"])
    x = sample(snn, 2)["x"]
    late = snn(x, timesteps=3, delay=1)
    snn.set_defaults(delay=1)
    snn.save(tmp_path / "late.onnx")
    again = type(snn)(snn.proto)
    assert (again(x, timesteps=3) == late).all()
    assert (again(x, timesteps=3, delay=0) != late).any()


@pytest.mark.parametrize("executor", ["step", "event", "layer"])
@pytest.mark.parametrize("dynamics", ["subgradient", "if", "lif"])
def test_a_rectifier_may_change_the_shape_but_not_the_order(dynamics, executor, monkeypatch) -> None:
    text = "n (float[N, 2, 3, 3] x) => (float[N, 18] y) { a = Neg(x)  y = onnx2snn.SpikingFlat(a) }"
    x = torch.rand(5, 2, 3, 3, generator=torch.Generator().manual_seed(0)).numpy() - 0.5
    y = network(text)(x, timesteps=7, dynamics=dynamics, executor=executor)
    plain = network("n (float[N, 18] x) => (float[N, 18] y) { a = Neg(x)  y = onnx2snn.SpikingRelu(a) }")
    assert (y == plain(x.reshape(5, 18), timesteps=7, dynamics=dynamics, executor=executor)).all()
    monkeypatch.setitem(networks.BODIES, "Turned", "(x) => (y) { r = Relu(x)  y = Transpose<perm = [0, 2, 3, 1]>(r) }")
    turned = network("n (float[N, 2, 3, 3] x) => (float[N, 3, 3, 2] y) { a = Neg(x)  y = onnx2snn.SpikingTurned(a) }")
    with pytest.raises(UnsupportedError, match="has other neurons: Turned"):
        turned(x, timesteps=2, dynamics=dynamics, executor=executor)
