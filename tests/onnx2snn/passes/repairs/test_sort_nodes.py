"""Nodes in any order convert as they would in order."""

import numpy as np
import onnx

import onnx2snn
from onnx2snn.passes.repairs.sort_nodes import sort_nodes
from tests.onnx2snn.passes.rewriting import apply, model

NET = """net (float[N, 4] x) => (float[N, 4] y) <float[4, 4] w, bool c = {1}>
{ a = MatMul(x, w)  b = Relu(a)  i = If (c) <
    then_branch = t () => (float[N, 4] p) { p = Neg(b) }, else_branch = e () => (float[N, 4] q) { q = Abs(b) }
  >  y = Tanh(i) }"""


def reversed_nodes() -> onnx.ModelProto:
    net = model(NET)
    nodes = list(net.graph.node)[::-1]
    del net.graph.node[:]
    net.graph.node.extend(nodes)
    return net


def test_before_and_after() -> None:
    work, sites = apply(reversed_nodes(), sort_nodes, sort_nodes)
    assert sites == [1, 0]
    assert [node.op_type for node in work.model.graph.node] == ["MatMul", "Relu", "If", "Tanh"]
    work, sites = apply(model(NET), sort_nodes)
    assert (sites, work.model) == ([0], model(NET))


def test_a_cycle_stays_for_the_checker() -> None:
    net = reversed_nodes()
    net.graph.node[-1].input[0] = "y"
    work, sites = apply(net, sort_nodes)
    assert (sites, work.model) == ([0], net)


def test_the_network_is_the_same() -> None:
    x = np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32)
    made = [onnx2snn.convert(net, x, adapt=False)(x) for net in (model(NET), reversed_nodes())]
    np.testing.assert_array_equal(*made)
