"""What unfolds without end is refused before anything unfolds it."""

import time

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import onnx2snn
from onnx2snn.reference.size import check_size
from onnx2snn_runtime.errors import ModelError, UnsupportedError
from tests.onnx2snn.passes.rewriting import model

X = np.ones((4, 2), np.float32)


def nested(depth: int) -> onnx.ModelProto:
    """Return a model of 2^depth nodes: every function calls the one before it twice."""
    net = model("net (float[N, 2] x) => (float[N, 2] y) { y = Relu(x) }")
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    for i in range(depth):
        inner = {"domain": "local"} if i else {}
        name = f"f{i - 1}" if i else "Relu"
        nodes = [helper.make_node(name, ["a"], ["b"], **inner), helper.make_node(name, ["b"], ["c"], **inner)]
        net.functions.append(helper.make_function("local", f"f{i}", ["a"], ["c"], nodes, imports))
    net.graph.node[0].op_type, net.graph.node[0].domain = f"f{depth - 1}", "local"
    net.opset_import.append(helper.make_opsetid("local", 1))
    return net


def test_nodes_are_counted_with_their_functions() -> None:
    assert check_size(nested(3), "m") == 1 + 2 + 4 + 8


def test_functions_in_functions_are_refused_at_once() -> None:
    start = time.monotonic()
    with pytest.raises(ModelError, match="has more than 1,000,000 nodes once its functions are written out"):
        onnx2snn.convert(nested(30), calibration=X)
    assert time.monotonic() - start < 2


def test_a_function_that_calls_itself() -> None:
    net = nested(2)
    net.functions[0].node[0].op_type, net.functions[0].node[0].domain = "f1", "local"
    with pytest.raises(ModelError, match="the function 'f1' of the domain 'local' calls itself"):
        onnx2snn.convert(net, calibration=X)


LOOP = """net (float[N, 2] x) => (float[N, 2] y) <int64 n = {1000000000}, bool t = {1}> {
    y = Loop (n, t, x) <
        body = body (int64 i, bool c, float[N, 2] h) => (bool d, float[N, 2] g) { CONDITION  g = Tanh(h) }
    >
}"""


def loop(condition: str, rounds: int = 10**9) -> onnx.ModelProto:
    net = model(LOOP.replace("CONDITION", condition).replace("1000000000", str(rounds)))
    net.graph.node[0].name = "again"
    return net


@pytest.mark.parametrize("condition", ["d = Identity(c)", "d = Constant<value = bool {1}>()"])
def test_a_loop_of_a_thousand_million_rounds_is_refused_at_once(condition: str) -> None:
    start = time.monotonic()
    with pytest.raises(ModelError, match="the Loop node 'again' repeats 1000000000 times: no more than 4096 rounds"):
        onnx2snn.convert(loop(condition), calibration=X)
    assert time.monotonic() - start < 2


def test_a_number_of_rounds_that_is_computed_is_refused_before_they_are_written_out() -> None:
    text = LOOP.replace("y = Loop (n,", "m = Mul(n, n)  y = Loop (m,").replace("1000000000", "100000")
    start = time.monotonic()
    with pytest.raises(UnsupportedError, match="the Loop node 'y' repeats more than 4096 times"):
        onnx2snn.convert(model(text.replace("CONDITION", "d = Identity(c)")), calibration=X)
    assert time.monotonic() - start < 60  # onnxruntime may compute it for one second: many, on a busy machine


def test_loops_that_may_end_are_left_to_what_unrolls_them() -> None:
    assert check_size(loop("n5 = Constant<value = int64 {5}>()  d = Less(i, n5)"), "m") > 1
    assert check_size(loop("d = Identity(c)", 3), "m") > 1
    net = loop("d = Identity(c)")
    net.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones(3), "n"))
    assert check_size(net, "m") > 1
