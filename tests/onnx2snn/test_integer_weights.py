"""`convert --weights int8`: integers in the file, the integers of a quantised file, and what is said of the rest."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

import onnx2snn
from onnx2snn.evaluation.integers import integer_report
from onnx2snn_runtime.errors import InputError

QDQ = """<ir_version: 8, opset_import: ["" : 17]> net (float[N, 4] x) => (float[N, 3] y) {
  w = DequantizeLinear<axis = 1>(wq, ws, wz)  a = MatMul(x, w)  b = Add(a, c)  h = Relu(b)
  u = DequantizeLinear<axis = 1>(uq, us, uz)  y = MatMul(h, u) }"""


@pytest.fixture
def quantised() -> onnx.ModelProto:
    """Return a network whose weights are integers with scales of their own."""
    draw = np.random.default_rng(0)
    model = parser.parse_model(QDQ)
    values = {
        "wq": draw.integers(-100, 101, (4, 8)).astype(np.int8), "ws": draw.uniform(0.004, 0.01, 8).astype(np.float32),
        "wz": np.zeros(8, np.int8), "c": draw.normal(size=8).astype(np.float32),
        "uq": draw.integers(-60, 61, (8, 3)).astype(np.int8), "us": draw.uniform(0.004, 0.01, 3).astype(np.float32),
        "uz": np.zeros(3, np.int8),
    }  # fmt: skip
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in values.items())
    return model


def test_a_quantised_file_keeps_its_integers(quantised: onnx.ModelProto) -> None:
    x = np.random.default_rng(1).normal(size=(64, 4)).astype(np.float32)
    snn = onnx2snn.convert(quantised, calibration=x, weights="int8", adapt=False)
    held = {t.name: numpy_helper.to_array(t) for t in snn.proto.graph.initializer}
    given = {t.name: numpy_helper.to_array(t) for t in quantised.graph.initializer}
    integers = [value for name, value in held.items() if name.endswith(".int8")]
    for name in ("wq", "uq"):
        assert any(value.shape == given[name].shape and np.array_equal(value, given[name]) for value in integers)
    plain = onnx2snn.convert(quantised, calibration=x, adapt=False)
    assert np.allclose(snn(x, timesteps=4), plain(x, timesteps=4), atol=1e-4)
    assert integer_report(snn, x[:8], 4).integer


def test_the_report_says_what_is_in_floating_point(quantised: onnx.ModelProto) -> None:
    x = np.random.default_rng(1).normal(size=(64, 4)).astype(np.float32)
    report = onnx2snn.convert(quantised, calibration=x, weights="int8", adapt=False).conversion
    (note,) = [note for note in report.notes if note.startswith("in floating point")]
    assert "what is given the input itself, once: MatMul" in note
    assert ("quantise_weights", 2) in [(name, sites) for name, sites, _ in report.passes]


def test_a_file_of_integers_is_saved_and_loaded(quantised: onnx.ModelProto, tmp_path) -> None:
    x = np.random.default_rng(1).normal(size=(64, 4)).astype(np.float32)
    snn = onnx2snn.convert(quantised, calibration=x, weights="int8", adapt=False)
    snn.save(tmp_path / "net.snn.onnx")
    assert np.array_equal(onnx2snn.load(tmp_path / "net.snn.onnx")(x), snn(x))


def test_other_weights_are_refused(quantised: onnx.ModelProto) -> None:
    with pytest.raises(InputError, match="weights"):
        onnx2snn.convert(quantised, weights="int4")
