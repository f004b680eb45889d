"""Models that are none: each is refused in one sentence that does not blame the converter."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import onnx2snn
from tests.onnx2snn.passes.rewriting import model

X = np.random.default_rng(0).standard_normal((12, 4)).astype(np.float32)
NET = """net (float[N, 4] x) => (float[N, 3] y) <float[4, 4] w, float[4, 3] v> {
    [gemm] h = Gemm(x, w)  [act] r = Relu(h)  [last] y = Gemm(r, v) }"""
Break = Callable[[onnx.ModelProto], object]


def cycle(m: onnx.ModelProto) -> None:
    m.graph.node[1].input[0] = "y"


def twice(m: onnx.ModelProto) -> None:
    m.graph.node[1].output[0] = "h"


def wrong_type(m: onnx.ModelProto) -> None:
    m.graph.value_info.append(helper.make_tensor_value_info("h", TensorProto.INT64, ["N", 4]))


def recursive(m: onnx.ModelProto) -> None:
    m.graph.node[1].op_type, m.graph.node[1].domain = "f", "loc"
    body = [helper.make_node("f", ["a"], ["b"], domain="loc")]
    m.opset_import.append(helper.make_opsetid("loc", 1))
    m.functions.append(helper.make_function("loc", "f", ["a"], ["b"], body, [helper.make_opsetid("loc", 1)]))


def elem_type(m: onnx.ModelProto) -> None:
    m.graph.input[0].type.tensor_type.elem_type = 99


def short(m: onnx.ModelProto) -> None:
    m.graph.initializer[0].raw_data = m.graph.initializer[0].raw_data[:10]


def outside(m: onnx.ModelProto) -> None:
    m.graph.initializer[0].data_location = TensorProto.EXTERNAL
    m.graph.initializer[0].external_data.add(key="location", value="weights.bin")


BROKEN: dict[str, tuple[Break, str]] = {
    "cycle": (
        cycle,
        r"is no valid ONNX model \(Nodes in a graph must be topologically sorted, however input 'y' of node",
    ),
    "twice": (twice, r"no valid ONNX model \(.*used as output names multiple times"),
    "dangling": (lambda m: m.graph.node[1].input.__setitem__(0, "gone"), r"no valid ONNX model \(.*'gone'"),
    "type 99": (elem_type, "no valid ONNX model .'x' has the element type 99"),
    "no shape": (lambda m: m.graph.input[0].type.tensor_type.ClearField("shape"), "no valid ONNX model"),
    "no opset": (lambda m: m.opset_import.pop(), "no valid ONNX model"),
    "unknown domain": (lambda m: setattr(m.graph.node[1], "domain", "custom"), "no valid ONNX model"),
    "recursion": (recursive, "the function 'f' of the domain 'loc' calls itself"),
    "a weight of fewer bytes": (short, "the weight .w. of the model has 10 bytes in place of 64"),
    "a weight outside": (outside, "the weight 'w' lies in a file beside the model: give the path of the model"),
    "an attribute twice": (
        lambda m: m.graph.node[0].attribute.extend([helper.make_attribute("alpha", 1.0)] * 2),
        "no valid",
    ),
    "too few inputs": (lambda m: m.graph.node[0].input.pop(), "in the Gemm node 'gemm'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_sentence_says_what_is_wrong_and_where(name: str) -> None:
    net = model(NET)
    BROKEN[name][0](net)
    with pytest.raises(onnx2snn.Onnx2SnnError, match=BROKEN[name][1]) as caught:
        onnx2snn.convert(net, calibration=X, adapt=False)
    assert "fault of onnx2snn" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_declarations_that_are_wrong_do_not_matter() -> None:
    net = model(NET)
    wrong_type(net)
    np.testing.assert_array_equal(
        onnx2snn.convert(net, calibration=X, adapt=False)(X), onnx2snn.convert(model(NET), X, adapt=False)(X)
    )


def test_what_another_library_raises_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object, **named: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("onnx2snn.completion.calibrate", fail)
    with pytest.raises(onnx2snn.ModelError, match=r"measuring the ranges of the model failed \(ZeroDivisionError"):
        onnx2snn.convert(model(NET), calibration=X)
    monkeypatch.setattr("onnx2snn.completion.check_equivalence", fail)
    monkeypatch.setattr("onnx2snn.completion.calibrate", lambda *given, **named: None)
    with pytest.raises(onnx2snn.ModelError, match=r"the conversion of the model failed \(ZeroDivisionError: by zero\)"):
        onnx2snn.convert(model(NET), calibration=X)


def test_outputs_that_are_no_numbers_in_one_network_alone_are_counted_and_told() -> None:
    net = model("net (float[N, 4] x) => (float[N, 3] y) <float[4, 3] w> { h = MatMul(x, w)  r = Relu(h)  y = Log(r) }")
    report = onnx2snn.convert(net, calibration=X, adapt=False).conversion
    assert report.not_finite > 0
    assert not report.reached
    assert any(
        f"{report.not_finite} values of the outputs, on held-back samples, are NaN" in w for w in report.warnings
    )
