"""Shapes that are known in part: what hangs on known axes, on the rank, or on symbols alone is computed."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from onnx2snn.passes.folding.fold_constants import fold_constants
from tests.onnx2snn.passes.rewriting import apply, lines, model, same_results


def folded(body: str, y: str = "int64[k] y", x: str = "float[n, 8, 1] x", **constants: object) -> onnx.ModelProto:
    before = model(f"net ({x}) => ({y}) {{ {body} }}") if not constants else _with(body, y, x, constants)
    work, _ = apply(before, fold_constants)
    assert apply(work.model, fold_constants)[1] == [0]
    same_results(before, work.model)
    return work.model


def _with(body: str, y: str, x: str, constants: dict[str, object]) -> onnx.ModelProto:
    made = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> net ({x}) => ({y}) {{ {body} }}')
    made.graph.initializer.extend(numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items())
    onnx.checker.check_model(made)
    return made


def result(body: str, y: str = "int64 y", **constants: object) -> object:
    """Return the value of y, which must be an initializer; nodes that nothing reads any more may be left."""
    made = folded(body, y, **constants)
    (tensor,) = [t for t in made.graph.initializer if t.name == "y"]
    return numpy_helper.to_array(tensor).tolist()


LAST, ZERO, ONE = {"i": np.array(-1)}, {"i": np.array(0)}, {"i": np.array([1])}


def test_a_known_axis_of_a_shape_that_is_not_known() -> None:
    assert result("s = Shape(x) y = Gather(s, i)", **LAST) == 1
    assert result("s = Shape<start = 1>(x) y = Identity(s)", "int64[2] y") == [8, 1]
    assert result("s = Shape(x) y = Slice(s, i, e)", "int64[k] y", i=np.array([1]), e=np.array([9])) == [8, 1]


def test_the_batch_axis_stays() -> None:
    assert lines(folded("s = Shape(x) y = Gather(s, i)", "int64 y", **ZERO)) == [
        "s = Shape(x)",
        "y = Gather(s, 0)",
    ]


def test_the_rank() -> None:
    assert result("s = Shape(x) y = Size(s)") == 3
    assert result("s = Shape(x) y = Shape(s)", "int64[1] y") == [3]


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("y = Equal(d, one)", True),
        ("e = Equal(n, minus) y = Not(e)", True),
        ("y = Equal(n, n)", True),
        ("y = Less(n, n)", False),
        ("y = Greater(n, minus)", True),
        ("y = GreaterOrEqual(n, minus)", True),
        ("y = Less(minus, n)", True),
        ("u = Equal(n, one) f = Equal(d, minus) y = And(u, f)", False),
        ("u = Equal(n, one) t = Equal(d, one) y = Or(u, t)", True),
    ],
)
def test_conditions_on_what_is_known(body: str, value: bool) -> None:
    head = "s = Shape(x) d = Gather(s, i) n = Gather(s, o)"
    more = {"o": np.array(0), "one": np.array(1), "minus": np.array(-1)}
    assert result(f"{head} {body}", "bool y", **LAST, **more) is value


def test_a_condition_on_the_number_of_samples_is_not_known() -> None:
    made = folded("s = Shape(x) n = Gather(s, i) y = Equal(n, one)", "bool y", **ZERO, one=np.array(1))
    assert [node.op_type for node in made.graph.node] == ["Shape", "Gather", "Equal"]


def test_arithmetic_and_choice() -> None:
    body = """s = Shape(x) d = Gather(s, i) a = Add(d, d) m = Mul(a, two) q = Div(m, three) r = Sub(q, two)
              w = Squeeze(u) c = Equal(d, w) y = Where(c, r, two)"""
    more = {"two": np.array(2), "three": np.array(3), "u": np.array([8])}
    assert result(body, i=np.array(1), **more) == (8 + 8) * 2 // 3 - 2


def test_a_target_shape_of_which_a_part_is_known() -> None:
    body = """s = Shape(x) n = Gather(s, z) nu = Unsqueeze(n, i) d = Gather(s, o) du = Unsqueeze(d, i)
              t = Concat<axis = 0>(nu, du) y = Reshape(x, t)"""
    made = folded(body, "float[n, k] y", z=np.array(0), o=np.array(1), i=np.array([0]))
    assert [node.op_type for node in made.graph.node] == ["Shape", "Gather", "Unsqueeze", "Concat", "Reshape"]
    (value,) = made.graph.output
    assert value.type.tensor_type.shape.dim[0].dim_param == "n"


def test_what_a_branch_reads_is_kept() -> None:
    made = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17]> net (float[n, 4] x, bool c) => (float[n, 4] y)
        { two = Constant<value_float = 2.0>()
          y = If(c)<then_branch = t () => (float[n, 4] p) { p = Mul(x, two) },
                    else_branch = e () => (float[n, 4] q) { q = Identity(x) }> }"""
    )
    work, _ = apply(made, fold_constants)
    assert [tensor.name for tensor in work.model.graph.initializer] == ["two"]
    onnx.checker.check_model(work.model)
