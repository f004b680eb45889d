"""What native code is asked of rewritten graphs: its death is an error, and what it may do less of is done."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, shape_inference

import onnx2snn
from onnx2snn.reference import engine, guarded, sandbox
from onnx2snn.reference.guarded import check_model, convert_version, infer_shapes, inline, level_of
from onnx2snn.reference.sessions import open_session
from onnx2snn_runtime.errors import ModelError
from tests.onnx2snn.passes.rewriting import model

NET = """net (float[N, 4] x) => (float[N, 3] y) <float[4, 3] w, int64[2] s = {0, 3}> {
    h = MatMul(x, w)  y = Reshape(h, s) }"""
ROOT = Path(__file__).parents[3] / "onnx2snn"
DIED = [{"stage": "onnxruntime, loading it"}, {"died": "dies of it (SIGSEGV)"}]


@pytest.fixture(autouse=True)
def unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "_levels", guarded.OrderedDict())


def net() -> onnx.ModelProto:
    made = model(NET)
    weight = next(t for t in made.graph.initializer if t.name == "w")
    weight.CopyFrom(numpy_helper.from_array(np.ones((4, 3), np.float32), "w"))
    return made


def dies(monkeypatch: pytest.MonkeyPatch, *levels: str) -> list[str]:
    """Let the subprocess die at the `levels`; return the list of those that are asked for."""
    real, asked = sandbox.question, list[str]()

    def answer(*given: Any, **options: Any) -> list[dict[str, Any]]:
        asked.append(options.get("level", options["kind"]))
        return DIED if asked[-1] in levels else real(*given, **options)

    monkeypatch.setattr(sandbox, "question", answer)
    return asked


def test_a_graph_is_tried_once_and_its_weights_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = dies(monkeypatch)
    made = net()
    assert [level_of(made), level_of(made)] == ["all", "all"]
    assert asked == ["all"]
    made.graph.node[0].name = "another"
    assert level_of(made, ("none",)) == "none"
    assert asked == ["all", "none"]
    monkeypatch.setattr(guarded, "KEPT", 1)
    made.graph.node[0].name = "a third"
    level_of(made)
    assert len(guarded._levels) == 2


def test_onnxruntime_optimizes_less_where_it_dies_of_more(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = dies(monkeypatch, "all")
    session = open_session(net())
    assert asked == ["all", "basic"]
    np.testing.assert_array_equal(session.run(None, {"x": np.ones((2, 4), np.float32)})[0], np.full((2, 3), 4.0))
    asked.clear()
    assert sandbox.try_out(net(), "the model").errors == {}
    assert asked == ["all", "basic"]


def test_a_death_at_every_level_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = dies(monkeypatch, "all", "basic", "none")
    with pytest.raises(ModelError, match=r"as it was rewritten, .*loading it dies of it \(SIGSEGV\): export it anew"):
        open_session(net())
    assert asked == ["all", "basic", "none"]


def test_errors_are_those_of_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    made = net()
    made.graph.node[0].op_type = "Foo"
    with pytest.raises(engine.errors(), match="Foo"):
        open_session(made)


def test_inference_is_that_of_onnx_and_the_weights_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    made = net()
    expected = shape_inference.infer_shapes(made, data_prop=True)
    assert infer_shapes(made, data_prop=True) == expected
    monkeypatch.setattr(guarded, "_FOR_SHAPES", 16)
    assert infer_shapes(made, data_prop=True) == expected
    monkeypatch.setattr(sandbox, "ALONE", True)
    assert infer_shapes(made, data_prop=True) == expected
    assert level_of(made) == "all"


def test_errors_and_deaths_of_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    made = net()
    made.graph.node[0].output[0] = "nowhere"
    with pytest.raises(onnx.checker.ValidationError, match="'h' of node"):
        check_model(made)
    with monkeypatch.context() as patch:  # onnx is hard to bring to it, where it is not strict
        patch.setattr(sandbox, "question", lambda *given, **options: [{"error": "of rank 7"}, {"done": True}])
        with pytest.raises(shape_inference.InferenceError, match="of rank 7"):
            infer_shapes(made)
    with pytest.raises((RuntimeError, ValueError)):
        convert_version(net(), 99)
    asked = dies(monkeypatch, "validation", "inference", "conversion", "inlining")
    for call in (check_model, infer_shapes, lambda m: convert_version(m, 18), inline):
        with pytest.raises(ModelError, match="dies of it"):
            call(net())
    assert asked == ["validation", "inference", "conversion", "inlining"]


def test_operators_are_inlined() -> None:
    made = model("net (float[N] x) => (float[N] y) { y = HardSwish(x) }")
    assert "HardSwish" not in [n.op_type for n in inline(made, ["HardSwish"]).graph.node]
    assert inline(made) == made


def test_a_graph_that_kills_onnxruntime_while_it_optimizes_converts() -> None:
    """A recurrent layer in float16 that nobody reads: onnxruntime dies of some of these when it fuses transposes."""
    made = model(
        """net (float16[N, 5, 3] a, float16[N, 5] b) => (float16[N, 1] y) <float16[5, 1] m, float16[1, 2, 3] w,
        float16[1, 2, 2] r> { h = MatMul(b, m)  y = Relu(h)  t = Transpose<perm = [1, 0, 2]>(a)
        s, last = RNN<hidden_size = 2>(t, w, r) }"""
    )
    x = {"a": np.ones((12, 5, 3), np.float16), "b": np.ones((12, 5), np.float16)}
    assert onnx2snn.convert(made, x, adapt=False)(x).shape == (12, 1)


@pytest.mark.parametrize("file", sorted(ROOT.rglob("*.py")), ids=lambda file: str(file.relative_to(ROOT)))
def test_native_code_is_called_where_it_is_guarded(file: Path) -> None:
    called = re.findall(
        r"InferenceSession\(|shape_inference\.infer_shapes\(|full_check|version_converter\.|"
        r"inliner\.",
        file.read_text(),
    )
    assert file.parent.name == "reference" or not called, "use reference.guarded, or reference.sessions"
