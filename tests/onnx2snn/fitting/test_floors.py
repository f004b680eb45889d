"""Populations that hardly moved in calibration get a scale that other data are in reach of, at no loss."""

import warnings

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

import onnx2snn
from onnx2snn.fitting import floors
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.errors import ModelError
from onnx2snn_runtime.ir.schema import NeuronAttributes, is_neuron, read_neuron
from tests.runtime.networks import network

TEXT = """<ir_version: 8, opset_import: ["" : 17]>
net (float[N, 4] x) => (float[N, 4] y) <float[4, 4] w, float[4] b, float[4, 4] v>
{{ a = Gemm(x, w, b)  {body}  y = MatMul(h, v) }}"""
BODIES = {
    "Relu": "h = Relu(a)",
    "Softplus": "h = Softplus(a)",
    "Exp": "h = Exp(a)",
    "Softmax": "c = Identity(a)  h = Softmax(c)",
    "sum": "p = Sigmoid(a)  q = Add(a, p)  h = Relu(q)",
}


def model(body: str, bias: float) -> onnx.ModelProto:
    proto, draw = parser.parse_model(TEXT.format(body=BODIES[body])), np.random.default_rng(0)
    for name, value in {
        "w": draw.normal(size=(4, 4)) / 2,
        "b": np.full(4, bias),
        "v": draw.normal(size=(4, 4)),
    }.items():
        proto.graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), name))
    return proto


def data(size: float, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=(64, 4)) * size).astype(np.float32)


def scales(snn: onnx2snn.SpikingModel) -> dict[str, tuple[float, int]]:
    nodes = [node for node in snn.proto.graph.node if is_neuron(node)]
    return {n.output[0]: (float(read_neuron(n).scale.max()), read_neuron(n).levels) for n in nodes}


def error(snn: onnx2snn.SpikingModel, proto: onnx.ModelProto, x: np.ndarray, timesteps: int) -> float:
    y = run_ann(proto, {"x": x}, 64)["y"]
    return float(np.linalg.norm(snn(x, timesteps=timesteps) - y) / np.linalg.norm(y))


@pytest.mark.parametrize(("body", "bias"), [("Relu", -2.6), ("sum", -3.0), ("Softplus", -6.0)])
def test_other_data_are_in_reach(body: str, bias: float, monkeypatch: pytest.MonkeyPatch) -> None:
    proto, seen, other = model(body, bias), data(1.0, 1), data(5.0, 2)
    snn = onnx2snn.convert(proto, seen, adapt=False)
    monkeypatch.setattr("onnx2snn.fitting.calibrate.floors", lambda *_: {})
    without = onnx2snn.convert(proto, seen, adapt=False)
    assert scales(without)["h"][0] < 0.5
    assert scales(snn)["h"][0] >= 2.0
    with pytest.warns(onnx2snn.Onnx2SnnWarning, match="of the neurons of 'Spiking.*' are beyond their scale"):
        assert error(without, proto, other, 16) > 0.1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", onnx2snn.Onnx2SnnWarning)
        assert error(snn, proto, other, 16) < 0.001
    np.testing.assert_allclose(snn(seen, timesteps=8), without(seen, timesteps=8), atol=1e-4)  # levels make up for it


def test_what_is_small_by_nature_stays_small() -> None:
    snn = onnx2snn.convert(model("Softmax", 100.0), data(200.0, 1), adapt=False)
    assert scales(snn)["h"][0] == 1.0
    exponential = onnx2snn.convert(model("Exp", -9.0), data(1.0, 1), adapt=False)
    assert scales(exponential)["h"][0] <= 4.0  # exp(9) is not believed


@pytest.mark.parametrize("scale", ["channel", "neuron"])
def test_parts_of_a_population_are_near_the_largest(scale: str) -> None:
    proto = model("Relu", 0.0)
    weight = numpy_helper.to_array(proto.graph.initializer[0]).copy()
    weight[:, 2] *= 1e-6
    proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(weight, "w"))
    snn = onnx2snn.convert(proto, data(1.0, 1), adapt=False, scale=scale)
    (node,) = filter(is_neuron, snn.proto.graph.node)
    found = read_neuron(node).scale
    assert found.size == 4
    assert found.min() == found.max() * floors.PARTS
    assert np.array_equal(np.exp2(np.round(np.log2(found))), found)


def test_functions_that_cannot_be_tried_have_no_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise ModelError("an index is out of range")

    proto = network("n (float[N, 4] x) => (float[N, 4] y) { h = onnx2snn.SpikingRelu(x)  y = Identity(h) }").proto
    assert floors.floors(proto, {"x": data(1.0, 1)}, {"h": 1e-6}, 8)["h"] > 1
    monkeypatch.setattr(floors, "Ann", refused)
    assert floors.floors(proto, {"x": data(1.0, 1)}, {"h": 1e-6}, 8) == {}


@pytest.mark.parametrize(
    ("scale", "maximum", "floor", "expected"),
    [
        (1.0, 0.7, 0.0, (1.0, 12)),
        (1.0, 0.7, 1.0, (1.0, 12)),
        (0.25, 0.2, 3.0, (4.0, 16)),
        (2.0**-30, 1e-9, 1.0, (1.0, 20)),  # no more than 8 levels
        (1.0, 0.0, 5.0, (8.0, 12)),  # it never moved: there are no small spikes to keep
    ],
)
def test_levels_rise_with_the_scale(scale: float, maximum: float, floor: float, expected: tuple[float, int]) -> None:
    found = floors.raised(NeuronAttributes(1, np.float32(scale), maximum=maximum), floor)
    assert (float(found.scale), found.levels) == expected
