"""Regions become neuron nodes, each with the function that it is."""

import onnx
import pytest
from onnx import numpy_helper

from onnx2snn.passes.folding.import_graph import import_graph
from onnx2snn.passes.neurons.split_shared_logic import split_shared_logic
from onnx2snn.passes.neurons.write_neurons import write_neurons
from onnx2snn_runtime.errors import ModelError, UnsupportedError
from onnx2snn_runtime.ir.schema import functions_of, is_neuron, read_neuron
from tests.onnx2snn.passes.rewriting import lines, model, rewrite, same_results, work_on

NET = """net (float[N, 4] x, float[N, 4] m) => (float[N, 3] y)
<float[4, 4] w, float[4, 4] u, float half = {0.5}, float one = {1}, float[4, 3] o>
{ a = MatMul(x, w)  r = Relu(a)  b = MatMul(r, u)  k = Relu(b)  e = Erf(k)  f = Add(e, one)  g = Mul(k, f)
  h = Mul(g, half)  t = Mul(h, m)  y = MatMul(t, o) }"""


def bodies(proto: onnx.ModelProto) -> dict[str, list[str]]:
    return {
        name: [f"{n.output[0]} = {n.op_type}({', '.join(n.input)})" for n in function.node]
        for name, function in functions_of(proto).items()
    }


def test_before_and_after() -> None:
    before = model(NET)
    after, sites = rewrite(before, write_neurons)
    assert sites == [2]
    assert lines(after) == [
        "a = MatMul(x, w[4, 4])",
        "r = SpikingRelu(a) [sources 1]",
        "b = MatMul(r, u[4, 4])",
        "g = SpikingRegion1(b, 1.0) [sources 1]",
        "h = Mul(g, 0.5)",
        "t = Mul(h, m)",
        "y = MatMul(t, o[4, 3])",
    ]
    same_results(before, after)


def test_equal_structures_share_a_function() -> None:
    text = """net (float[N, 2] x) => (float[N, 2] y) <float[2, 2] w, float c = {0.5}, float d = {0.7}>
    { a = MatMul(x, w)  r = Relu(a)  b = MatMul(r, w)  s = Relu(b)  e = MatMul(s, w)  p = LeakyRelu<alpha = 0.1>(e)
      f = MatMul(p, w)  q = LeakyRelu<alpha = 0.2>(f)  g = MatMul(q, w)  k = Clip(g, c, d)  y = MatMul(k, w) }"""
    before = model(text)
    after, sites = rewrite(before, write_neurons)
    assert sites == [5]
    assert bodies(after) == {
        "SpikingRelu": ["y = Relu(x1)"],
        "SpikingLeakyRelu": ["y = LeakyRelu(x1)"],
        "SpikingLeakyRelu_2": ["y = LeakyRelu(x1)"],
        "SpikingClip": ["y = Clip(x1, c1, c2)"],
    }
    assert [read_neuron(node).sources for node in after.graph.node if is_neuron(node)] == [1] * 5
    same_results(before, after)


def test_names_survive_and_are_unique() -> None:
    after, _ = rewrite(model(NET), write_neurons)
    names = [node.name for node in after.graph.node]
    assert len(set(names)) == len(names)
    assert {"x", "m"} == {value.name for value in after.graph.input}
    assert [value.name for value in after.graph.output] == ["y"]


def test_two_sources_and_the_same_twice() -> None:
    before = model(
        """net (float[N, 2] x) => (float[N, 2] y) <float[2, 2] w, float[2, 2] u>
        { a = MatMul(x, w)  b = MatMul(x, u)  g = Mul(a, b)  c = MatMul(g, w)  s = Mul(c, c)  y = MatMul(s, u) }"""
    )
    after, sites = rewrite(before, write_neurons)
    assert sites == [2]
    assert [read_neuron(node).sources for node in after.graph.node if is_neuron(node)] == [2, 1]
    assert bodies(after) == {"SpikingMul": ["y = Mul(x1, x2)"], "SpikingMul_2": ["y = Mul(x1, x1)"]}
    same_results(before, after)


def test_nothing_to_convert() -> None:
    with pytest.raises(ModelError, match=r"net\.onnx has no nonlinearity .* so no neuron was made"):
        rewrite(model("net (float[N, 2] x) => (float[N, 2] y) <float[2, 2] w> { y = MatMul(x, w) }"), write_neurons)


def test_what_spikes_cannot_carry_is_refused_all_at_once() -> None:
    text = """net (float[N, 4] x) => (int64[N, 4] y, int64[N, 4] z) <float[4, 4] w, int64[4, 4] k, int64[4, 4] l>
    { h = MatMul(x, w)  i = Cast<to = 7>(h)  y = MatMul(i, k)  z = MatMul(i, l) }"""
    work = work_on(model(text))
    import_graph(work)
    split_shared_logic(work)
    with pytest.raises(UnsupportedError, match=r"sends integers or booleans on, which spikes cannot") as caught:
        write_neurons(work)
    assert str(caught.value).count("the Cast node") == 2


def test_export_keeps_what_graphsurgeon_drops() -> None:
    before = model(NET)
    before.doc_string, before.domain, before.model_version, before.producer_name = "doc", "here", 7, "exporter"
    before.metadata_props.append(onnx.StringStringEntryProto(key="author", value="someone"))
    before.graph.input[0].type.tensor_type.shape.dim[0].denotation = "DATA_BATCH"
    after, _ = rewrite(before, write_neurons)
    assert (after.doc_string, after.domain, after.model_version, after.producer_name) == ("doc", "here", 7, "exporter")
    assert {e.key: e.value for e in after.metadata_props} == {"author": "someone"}
    assert after.graph.input[0] == before.graph.input[0]
    assert {o.domain: o.version for o in after.opset_import} == {"": 17, "onnx2snn": 1}
    assert {v.name for v in after.graph.value_info} >= {"a", "b", "r"}
    held = {t.name: numpy_helper.to_array(t).tobytes() for t in before.graph.initializer}
    assert all(held[t.name] == numpy_helper.to_array(t).tobytes() for t in after.graph.initializer)
