"""No onnxruntime session is opened twice in one process for one model, and the reference is computed once."""

from collections import Counter
from hashlib import sha256
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import onnx2snn
from onnx2snn.evaluation.equivalence import check_equivalence
from onnx2snn.fitting.trying import Trier
from onnx2snn.pipeline import prepare
from onnx2snn.reference.ann import Ann
from tests.onnx2snn.fitting.test_adaptation import QUANTISED
from tests.onnx2snn.passes.rewriting import model

HALF = """net (float16[N, 6] x) => (float16[N, 3] y) <float16[6, 32] w, float16[32, 3] u>
{ a = MatMul(x, w)  b = Relu(a)  y = MatMul(b, u) }"""
WHOLE = """net (float[N, 6] x) => (float[N, 3] y, int64[N] i) <float[6, 32] w, float[32, 32] v, float[32, 3] u>
{ a = MatMul(x, w)  b = Relu(a)  c = MatMul(b, v)  d = Tanh(c)  e = MatMul(d, u)  y = Softmax(e)
  i = ArgMax <axis = 1, keepdims = 0> (e) }"""
FIXED = WHOLE.replace("[N", "[1")
NETWORKS = {"float": WHOLE, "half": HALF, "quantised": QUANTISED, "a batch of one": FIXED}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The sessions that were opened, by the digest of their model."""
    found: Counter[str] = Counter()
    session = onnxruntime.InferenceSession

    def counted(given: bytes, *arguments: Any, **options: Any) -> Any:
        found[sha256(given).hexdigest()] += 1
        return session(given, *arguments, **options)

    monkeypatch.setattr(onnxruntime, "InferenceSession", counted)
    return found


def samples(proto: onnx.ModelProto, count: int = 24) -> np.ndarray:
    kind = onnx.helper.tensor_dtype_to_np_dtype(proto.graph.input[0].type.tensor_type.elem_type)
    return np.random.default_rng(1).normal(size=(count, 6)).astype(kind)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("options", [{}, {"tolerance": 1e-5}, {"weights": "int8"}, {"payload": "ternary"}], ids=str)
def test_a_conversion_opens_no_session_twice(name: str, options: Any, opened: Counter[str]) -> None:
    proto = model(NETWORKS[name])
    onnx2snn.convert(proto, samples(proto), budget=5, **options)
    assert len(opened) > 1
    assert set(opened.values()) == {1}


@pytest.mark.parametrize("name", NETWORKS)
def test_an_evaluation_opens_one_session(name: str, opened: Counter[str]) -> None:
    proto = model(NETWORKS[name])
    snn = onnx2snn.convert(proto, samples(proto), adapt=False)
    opened.clear()
    onnx2snn.evaluate(snn, samples(proto))
    assert list(opened.values()) == [1]


def test_the_reference_is_what_the_original_gives() -> None:
    for text in (WHOLE, FIXED):
        proto = model(text)
        work = prepare(proto)
        x = samples(proto)
        snn = onnx2snn.convert(proto, x, adapt=False)
        work.axes, work.built_in = snn.program.axes, int(text == FIXED)
        found = check_equivalence(proto, snn.proto, {"x": x}, work)
        assert found.ann.axes.size == int(text == FIXED)
        assert {name: value.shape for name, value in found.expected.items()} == {"y": (24, 3), "i": (24,)}
        assert Trier(snn, {"x": x}, found).expected is found.expected


@pytest.mark.parametrize("options", [{}, {"tolerance": 1e-5}, {"payload": "ternary"}], ids=str)
def test_no_session_is_asked_twice_for_the_same(options: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    proto, asked, kept = model(WHOLE), Counter[tuple[int, bytes]](), list[Any]()
    call = Ann.__call__

    def counted(ann: Ann, inputs: Any, size: int | None = None) -> Any:
        kept.append(ann._session)
        asked[id(ann._session), np.ascontiguousarray(inputs["x"]).tobytes()] += 1
        return call(ann, inputs, size)

    monkeypatch.setattr(Ann, "__call__", counted)
    onnx2snn.convert(proto, samples(proto), budget=5, **options)
    assert len(asked) > 3
    assert set(asked.values()) == {1}
