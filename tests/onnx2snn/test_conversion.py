"""From an ONNX model to a spiking network, whole."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

import onnx2snn
from onnx2snn.evaluation.equivalence import check_equivalence
from onnx2snn.pipeline import prepare
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.errors import InputError, ModelError, Onnx2SnnError, RegistryError
from onnx2snn_runtime.ir.schema import is_neuron, read_neuron
from tests.onnx2snn.passes.rewriting import model

CNN = """cnn (float[N, 2, 6, 6] x) => (float[N, 3] logits, float[N, 3] probabilities)
<float[4, 2, 3, 3] w, float[4] s, float[4] o, float[4] m, float[4] var, float[36, 3] u>
{ a = Conv<pads = [1, 1, 1, 1]>(x, w)  n = BatchNormalization(a, s, o, m, var)  r = Relu(n)
  p = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(r)  f = Flatten(p)  logits = Gemm(f, u)
  probabilities = Softmax(logits) }"""
MIXER = """mixer (float[N, 5, 4] x) => (float[N, 5, 4] y)
<float[4, 4] w, float[4] s, float[4] b, float[4, 8] u, float[8, 4] v, float half = {0.5}, float one = {1},
float root = {1.41421}>
{ c = MatMul(x, w)  n = LayerNormalization(c, s, b)  h = MatMul(n, u)  d = Div(h, root)  e = Erf(d)  f = Add(e, one)
  g = Mul(h, f)  k = Mul(g, half)  q = MatMul(k, v)  y = Add(q, c) }"""
ATTENTION = """attention (float[N, 4, 4] x) => (float[N, 4, 4] y) <float[4, 4] q, float[4, 4] k, float[4, 4] v>
{ a = MatMul(x, q)  b = MatMul(x, k)  c = MatMul(x, v)  t = Transpose<perm = [0, 2, 1]>(b)  s = MatMul(a, t)
  p = Softmax(s)  y = MatMul(p, c) }"""
NETWORKS = {
    "cnn": (CNN, (2, 6, 6)),
    "mixer": (MIXER, (5, 4)),
    "attention": (ATTENTION, (4, 4)),
}


def data(shape: tuple[int, ...], samples: int = 24, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(samples, *shape)).astype(np.float32)


def gap(snn: onnx2snn.SpikingModel, proto: onnx.ModelProto, x: np.ndarray, timesteps: int) -> float:
    expected = run_ann(proto, {"x": x}, len(x))
    found = snn(x, timesteps=timesteps)
    found = found if isinstance(found, dict) else {next(iter(expected)): found}
    assert list(found) == list(expected)
    return max(float(np.linalg.norm(found[n] - v) / np.linalg.norm(v)) for n, v in expected.items())


@pytest.mark.parametrize("neurons", ["region", "elementwise"])
@pytest.mark.parametrize("encoder", ["direct", "differential"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_spiking_network_goes_to_the_plain_one(name: str, encoder: str, neurons: str) -> None:
    text, shape = NETWORKS[name]
    proto, x = model(text), data(shape)
    snn = onnx2snn.convert(proto, x, neurons=neurons, encoder=encoder, adapt=False, levels=24, mantissa=2)
    assert gap(snn, proto, data(shape, seed=4), 24) < 2e-3
    assert snn.defaults.neurons == neurons
    assert snn.defaults.spiking_inputs == (() if encoder == "direct" else ("x",))


def test_what_is_reported() -> None:
    proto, x = model(CNN), data((2, 6, 6))
    stages: list[tuple[str, float]] = []
    snn = onnx2snn.convert(proto, x, progress=lambda stage, fraction: stages.append((stage, fraction)))
    report = snn.conversion
    assert (report.populations, report.neurons_by_kind) == (1, {"SpikingRegion1": 1})
    assert (report.calibration_samples, report.synthetic, report.warnings) == (24, False, [])
    assert report.reached
    assert report.relative_error <= 0.01
    assert report.agreement >= 0.8
    assert [name for name, sites, _ in report.passes if sites] == ["fold_batch_normalization", "write_neurons"]
    assert snn.defaults.calibration["relative_error"] == report.relative_error
    fractions = [fraction for _, fraction in stages]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1
    assert {"measuring ranges", "checking against the original"} <= {stage for stage, _ in stages}


def test_the_callers_model_is_left_alone(tmp_path: Path) -> None:
    proto, x = model(MIXER), data((5, 4))
    before = proto.SerializeToString()
    made = [onnx2snn.convert(proto, x, adapt=False)]
    assert proto.SerializeToString() == before
    onnx.save(proto, tmp_path / "net.onnx")
    for source in (tmp_path / "net.onnx", f"{tmp_path}/net.onnx"):
        made.append(onnx2snn.convert(source, {"x": x}, adapt=False))
    for snn in made[1:]:
        np.testing.assert_array_equal(snn(x), made[0](x))
    assert "net.onnx" in made[1].conversion.source


def test_a_file_that_was_saved_is_the_network(tmp_path: Path) -> None:
    proto, x = model(MIXER), data((5, 4))
    snn = onnx2snn.convert(proto, x, scale="neuron", timesteps=6)
    snn.save(tmp_path / "net.snn.onnx")
    loaded = onnx2snn.load(tmp_path / "net.snn.onnx")
    assert loaded.defaults.timesteps == 6
    np.testing.assert_array_equal(loaded(x), snn(x))
    expected, found = (run_ann(m, {"x": x}, 24)["y"] for m in (proto, onnx.load(tmp_path / "net.snn.onnx")))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    with pytest.raises(InputError, match="is a spiking IR file already"):
        onnx2snn.convert(tmp_path / "net.snn.onnx", x)


def test_made_up_data_are_said_loudly() -> None:
    snn = onnx2snn.convert(model(CNN), adapt=False)
    assert snn.conversion.synthetic
    assert "accuracy is not to be expected" in snn.conversion.warnings[0]
    assert snn.defaults.calibration["synthetic"]


@pytest.mark.parametrize(("count", "held"), [(3, False), (4, True)])
def test_too_few_samples_to_hold_any_back(count: int, held: bool) -> None:
    report = onnx2snn.convert(model(MIXER), data((5, 4))[:count], adapt=False).conversion
    said = any(
        re.match(r"too few calibration samples \(3\) to hold any back: .* a few dozen", w) for w in report.warnings
    )
    assert (report.held_back, said) == (held, not held)


def test_a_module_is_no_file() -> None:
    with pytest.raises(InputError, match=r"a Linear cannot be converted: give an ONNX file, .* by torch\.onnx\.export"):
        onnx2snn.convert(torch.nn.Linear(2, 2), data((2,)))


def test_a_missed_tolerance_is_said_loudly() -> None:
    snn = onnx2snn.convert(model(MIXER), data((5, 4)), levels=3, mantissa=0, timesteps=1, budget=0.0)
    assert not snn.conversion.reached
    assert "the tolerance is 1.0%" in snn.conversion.warnings[-1]


def test_a_fixed_batch_that_mixes_samples() -> None:
    text = """net (float[3, 4] x) => (float[3, 4] y) <float[4, 4] w>
    { h = MatMul(x, w)  m = ReduceMean<axes = [0], keepdims = 1>(h)  c = Sub(h, m)  y = Relu(c) }"""
    snn = onnx2snn.convert(model(text), data((4,), 9), adapt=False)
    assert snn.defaults.batch == 3
    assert any("fixed to a batch of 3" in warning for warning in snn.conversion.warnings)
    assert snn(data((4,), 6)).shape == (6, 4)


@pytest.mark.parametrize(("scale", "shapes"), [("layer", {()}), ("channel", {(4, 1, 1)}), ("neuron", {(4, 3, 3)})])
def test_scales(scale: str, shapes: set[tuple[int, ...]]) -> None:
    proto, x = model(CNN), data((2, 6, 6))
    snn = onnx2snn.convert(proto, x, scale=scale, adapt=False)
    found = [read_neuron(node) for node in snn.proto.graph.node if is_neuron(node)]
    assert {p.scale.shape for p in found} == shapes
    for p in found:
        assert (np.log2(p.scale) == np.round(np.log2(p.scale))).all()
        assert p.scale.max() / 2 < p.maximum <= p.scale.max()
    assert gap(snn, proto, x, 8) < 0.02


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"neurons": "spikes"}, "there is no choice 'spikes' for neurons: choose region, elementwise"),
        ({"scale": "row"}, "there is no choice 'row' for scale: choose layer, channel, neuron"),
        ({"encoder": "morse"}, "there is no choice 'morse' for encoder"),
        ({"levels": 0}, "levels is 0: give 1 to 100 levels"),
        ({"mantissa": 21}, "mantissa is 21: give"),
        ({"timesteps": 0}, "timesteps is 0: give 1 to"),
        ({"samples": 0}, "samples is 0: give 1 or more"),
        ({"samples": -1}, "samples is -1: give 1 or more"),
        ({"device": "toaster"}, "the device 'toaster' cannot be used"),
        ({"device": None}, "the device None cannot be used"),
        ({"dynamics_options": {"level": 1}}, "the dynamics 'differential' has no option 'level'"),
        ({"device": "cuda:99"}, r"the device 'cuda:99' cannot be used \(.*\): choose cpu, cuda or cuda:N"),
        ({"schedule_options": {"rate": 1}}, "has no option 'rate'"),
        ({"delay": 2}, "the delay is 2: give 0"),
        ({"tolerance": float("nan")}, "tolerance is nan and budget 60.0: give an error above 0"),
        ({"tolerance": 0}, "tolerance is 0 and budget 60.0: give an error above 0"),
        ({"budget": -1}, "and budget -1: give an error above 0 and 0 or more seconds"),
    ],
)
def test_options(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        onnx2snn.convert(model(MIXER), data((5, 4)), **options)


def test_settings_of_a_run_are_checked_before_any_work(tmp_path: Path) -> None:
    for options in ({"dynamics": "nothing"}, {"schedule": "nothing"}, {"device": "nothing"}, {"delay": 7}):
        with pytest.raises(Onnx2SnnError, match=r"nothing|delay"):
            onnx2snn.convert(tmp_path / "no_model.onnx", **options)


@pytest.mark.parametrize("what", ["dynamics", "schedule"])
def test_unknown_names(what: str) -> None:
    with pytest.raises(RegistryError, match=f"there is no {what} 'nothing'"):
        onnx2snn.convert(model(MIXER), data((5, 4)), **{what: "nothing"})


@pytest.mark.parametrize(
    ("calibration", "sentence"),
    [
        ({"z": data((5, 4))}, "the model has no input 'z': its inputs are x"),
        (data((5, 3)), r"the input 'x' has the shape \(24, 5, 3\)"),
        (data((5, 4)).astype(np.int64), "has the type int64"),
        (data((5, 4), 0), "the calibration data has no samples"),
        (data((2, 5, 4)), r"of 'x' has the shape \(24, 2, 5, 4\), an axis more than the model's input"),
        ("data.npz", "the input 'x' is 'data.npz', a text or a path: give an array"),
        (Path("data.npz"), "the input 'x' is 'data.npz', a text or a path: give an array"),
        (np.full((3, 5, 4), np.nan, np.float32), "holds NaN or infinite values"),
    ],
)
def test_calibration_that_does_not_fit(calibration: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        onnx2snn.convert(model(MIXER), calibration)


@pytest.mark.parametrize("kind", [">f4", ">f8", "tensor", "half"])
def test_calibration_in_any_form_of_array(kind: str) -> None:
    x = data((5, 4)).astype(np.float16).astype(np.float32)
    given = torch.from_numpy(x) if kind in ("tensor", "half") else x.astype(kind)
    snn = onnx2snn.convert(model(MIXER), given.half() if kind == "half" else given, adapt=False)
    np.testing.assert_array_equal(snn(x), onnx2snn.convert(model(MIXER), x, adapt=False)(x))


def test_a_rewrite_that_changes_results_is_found() -> None:
    proto, x = model(MIXER), data((5, 4), 4)
    snn = onnx2snn.convert(proto, x, adapt=False)
    work = prepare(proto)
    check_equivalence(proto, snn.proto, {"x": x}, work)
    weight = next(t for t in snn.proto.graph.initializer if t.name == "v")
    weight.CopyFrom(onnx.numpy_helper.from_array(1.01 * onnx.numpy_helper.to_array(weight), "v"))
    with pytest.raises(ModelError, match=r"the output .y. of the rewritten graph differs .* fault of onnx2snn"):
        check_equivalence(proto, snn.proto, {"x": x}, work)


def test_every_error_is_ours() -> None:
    for bad in ("missing.onnx", Path("missing.onnx"), onnx.ModelProto()):
        with pytest.raises(Onnx2SnnError):
            onnx2snn.convert(bad)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_report_tells_what_a_sample_costs(name: str) -> None:
    text, shape = NETWORKS[name]
    snn = onnx2snn.convert(model(text), data(shape, 40), timesteps=2, adapt=False)
    found = snn.conversion.energy
    held = snn.run(data(shape, 40)[-10:], 2, operations=True).operations[2]
    assert found["operations"].keys() == found["int8"].keys() == {"2"}
    assert found["operations"]["2"]["dense_macs"] == held.dense_macs / 10
    assert [layer["name"] for layer in found["layers"]] == [layer.name for layer in held.layers]
    assert found["ann"]["effective_macs"] <= found["ann"]["dense_macs"] == held.dense_once / 10
    assert found["fp32"]["2"]["ratio"] == found["fp32"]["2"]["shift_adds"] / found["fp32"]["2"]["ann"]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_report_names_what_costs_and_errs_most(name: str) -> None:
    text, shape = NETWORKS[name]
    snn = onnx2snn.convert(model(text), data(shape, 40), adapt=False)
    costs, errors = (dict(pairs) for pairs in (snn.conversion.costliest, snn.conversion.erring))
    assert 0 < len(errors) <= 3
    assert set(errors) <= set(snn.population_names())
    assert set(costs) <= {*snn.population_names(), "the output"}
    assert 0 < sum(costs.values()) <= 1 + 1e-9
    assert list(errors.values()) == sorted(errors.values(), reverse=True)
    assert max(errors.values()) < 0.05
