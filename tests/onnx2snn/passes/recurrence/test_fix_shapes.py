"""Free axes are fixed where that is asked for, and as the data tell where nothing converts without."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import onnx2snn
from onnx2snn.passes.base import Work
from onnx2snn.passes.recurrence.fix_shapes import fix_shapes
from onnx2snn_runtime.errors import UnsupportedError
from tests.onnx2snn.passes.rewriting import model, work_on

W = np.eye(4, dtype=np.float32)[::-1].copy()
BRANCH = """net (float[n, t, 4] x, float[4, 4] w) => (float[n, t, 4] y) <int64 one = {1}, int64 five = {5}>
{ h = MatMul(x, w)  s = Shape(h)  d = Gather(s, one)  c = Equal(d, five)
  y = If(c)<then_branch = a () => (float p) { p = Tanh(h) }, else_branch = b () => (float q) { q = Sigmoid(h) }> }"""


def branching() -> onnx.ModelProto:
    """Return a network that does one thing with 5 time steps, and another one with any other number."""
    made = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\n{BRANCH}')
    made.graph.initializer.append(numpy_helper.from_array(W, made.graph.input.pop().name))
    for attribute in made.graph.node[-1].attribute:
        attribute.g.output[0].type.tensor_type.ClearField("shape")
    onnx.checker.check_model(made)
    return made


def dims(work: Work, name: str = "x") -> list[object]:
    (value,) = [v for v in (*work.model.graph.input, *work.model.graph.output) if v.name == name]
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def fixed(text: str, **given: Any) -> Work:
    work = work_on(model(text))
    for name, value in given.items():
        setattr(work, name, value)
    fix_shapes(work)
    return work


def test_before_and_after() -> None:
    work = fixed(
        "net (float[n, t, 4] x, float[t] z) => (float[n, t, 4] y) { y = Identity(x) }", shapes={"x": [0, 5, 4]}
    )
    assert (dims(work), dims(work, "z"), dims(work, "y")) == (["n", 5, 4], [5], ["n", 5, 4])
    assert fix_shapes(work) == 0


def test_an_input_of_unknown_rank() -> None:
    made = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> net (float x) => (float y) { y = Relu(x) }'
    )
    made.graph.input[0].type.tensor_type.ClearField("shape")
    made.graph.output[0].type.tensor_type.ClearField("shape")
    work = work_on(made)
    work.shapes = {"x": [2, 3]}
    assert fix_shapes(work) == 2
    assert dims(work) == [2, 3]


def test_data_tell_what_a_branch_needs() -> None:
    work = work_on(branching())
    work.samples = {"x": np.zeros((16, 5, 4), np.float32)}
    assert fix_shapes(work) == 2
    assert dims(work) == ["n", 5, 4]
    assert work.warnings == [
        "free axes were fixed as the calibration data have them, to unroll what depends on them: x (any, 5, any)"
    ]


def test_what_converts_stays_free() -> None:
    text = "net (float[n, t, 4] x) => (float[n, t, 4] y) { y = Relu(x) }"
    work = fixed(text, samples={"x": np.zeros((16, 5, 4), np.float32)})
    assert (dims(work), work.warnings) == (["n", "t", 4], [])


@pytest.mark.parametrize("options", [{}, {"shape": {"x": [0, 5, 4]}}])
def test_a_branch_on_a_free_axis_converts(options: dict[str, Any]) -> None:
    x = np.random.default_rng(0).normal(size=(16, 5, 4)).astype(np.float32)
    snn = onnx2snn.convert(branching(), x, adapt=False, **options)
    assert len(snn.conversion.warnings) == (0 if options else 1)
    np.testing.assert_allclose(snn(x[:3], timesteps=8), np.tanh(x[:3] @ W), atol=0.02)


def test_without_data_it_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="the condition of the If node 'y' depends on the inputs"):
        onnx2snn.convert(branching())


NESTED = """net (float[n, 4] x, float[4, 8] w, float[8, 3] u) => (float[n, 3] y)
<int64[1] last = {-1}, int64[1] one = {1}>
{ a = MatMul(x, w)  h = Relu(a)  b = Unsqueeze(h, last)  s = Shape(b)  d = Gather(s, last)  c = Equal(d, one)
  z = If(c)<then_branch = t () => (float p) { p = Squeeze(b, last) },
            else_branch = e () => (float q) { q = Identity(b) }>
  b2 = Unsqueeze(z, last)  s2 = Shape(b2)  d2 = Gather(s2, last)  c2 = Equal(d2, one)
  z2 = If(c2)<then_branch = t2 () => (float p2) { p2 = Squeeze(b2, last) },
              else_branch = e2 () => (float q2) { q2 = Identity(b2) }>
  y = MatMul(z2, u) }"""


@pytest.mark.parametrize("batch", ["n", "1"])
def test_a_branch_behind_a_branch(batch: str) -> None:
    text = NESTED.replace("[n,", f"[{batch},")
    made, draw = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\n{text}'), np.random.default_rng(0)
    del made.graph.input[1:]
    weights = {"w": draw.normal(size=(4, 8)), "u": draw.normal(size=(8, 3))}
    made.graph.initializer.extend(numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items())
    for attribute in [a for node in made.graph.node for a in node.attribute if a.HasField("g")]:
        attribute.g.output[0].type.tensor_type.ClearField("shape")
    onnx.checker.check_model(made)
    snn = onnx2snn.convert(made, draw.normal(size=(16, 4)).astype(np.float32))
    assert snn.conversion.relative_error < 0.03
    assert snn(np.ones((5, 4), np.float32)).shape == (5, 3)
