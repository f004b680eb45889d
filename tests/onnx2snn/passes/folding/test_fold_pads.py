"""A Pad with zeros goes into the convolutions behind it, where that is exact."""

import pytest

from onnx2snn.passes.folding.fold_pads import fold_pads
from tests.onnx2snn.passes.rewriting import model, rewrite, same_results

PADS = "int64[8] p = {0, 0, 1, 0, 0, 0, 2, 1}"
W = "float[4, 2, 3, 3] w"
FOLDED = {
    "plain": (f"{PADS}, {W}", "q = Pad(x, p)  c = Conv(q, w)  y = Relu(c)", [1, 0, 2, 1]),
    "more": (f"{PADS}, {W}", "q = Pad(x, p)  c = Conv<pads = [1, 1, 0, 1]>(q, w)  y = Relu(c)", [2, 1, 2, 2]),
    "valid": (f"{PADS}, {W}", 'q = Pad(x, p)  c = Conv<auto_pad = "VALID">(q, w)  y = Relu(c)', [1, 0, 2, 1]),
    "strides": (f"{PADS}, {W}", "q = Pad(x, p)  c = Conv<strides = [2, 2]>(q, w)  y = Relu(c)", [1, 0, 2, 1]),
    "zero": (f"{PADS}, {W}, float z = {{0}}", "q = Pad(x, p, z)  c = Conv(q, w)  y = Relu(c)", [1, 0, 2, 1]),
    "axes": (f"int64[2] p = {{1, 2}}, int64[1] a = {{-1}}, {W}",
             "q = Pad(x, p, , a)  c = Conv(q, w)  y = Relu(c)", [0, 1, 0, 2]),
    "two readers": (f"{PADS}, {W}", "q = Pad(x, p)  c = Conv(q, w)  d = Conv(q, w)  y = Add(c, d)", [1, 0, 2, 1]),
}  # fmt: skip
KEPT = {
    "a value": (f"{PADS}, {W}, float z = {{0.5}}", "q = Pad(x, p, z)  c = Conv(q, w)  y = Relu(c)"),
    "edge": (f"{PADS}, {W}", 'q = Pad<mode = "edge">(x, p)  c = Conv(q, w)  y = Relu(c)'),
    "crops": (f"int64[8] p = {{0, 0, -1, 0, 0, 0, 0, 0}}, {W}", "q = Pad(x, p)  c = Conv(q, w)  y = Relu(c)"),
    "channels": ("int64[8] p = {0, 1, 0, 0, 0, 0, 0, 0}, float[4, 3, 3, 3] w",
                 "q = Pad(x, p)  c = Conv(q, w)  y = Relu(c)"),
    "auto": (f"{PADS}, {W}", 'q = Pad(x, p)  c = Conv<auto_pad = "SAME_UPPER">(q, w)  y = Relu(c)'),
    "another reader": (f"{PADS}, {W}", "q = Pad(x, p)  c = Conv(q, w)  m = ReduceMax(q)  y = Add(c, m)"),
    "an output": (f"{PADS}, {W}", "q = Pad(x, p)  c = Conv(q, w)  y = Relu(c)", ", float[N, A, B, C] q"),
}  # fmt: skip


def text(weights: str, nodes: str, outputs: str = "") -> str:
    return f"net (float[N, 2, 6, 6] x) => (float[N, M, H, K] y{outputs}) <{weights}> {{ {nodes} }}"


@pytest.mark.parametrize("name", FOLDED)
def test_folded(name: str) -> None:
    weights, nodes, pads = FOLDED[name]
    before = model(text(weights, nodes), opset=18)
    after, sites = rewrite(before, fold_pads, fold_pads)
    assert sites == [1, 0]
    convolutions = [node for node in after.graph.node if node.op_type == "Conv"]
    assert all([list(a.ints) for a in node.attribute if a.name == "pads"] == [pads] for node in convolutions)
    assert "Pad" not in [node.op_type for node in after.graph.node]
    same_results(before, after)


@pytest.mark.parametrize("name", KEPT)
def test_kept(name: str) -> None:
    before = model(text(*KEPT[name]), opset=18)
    after, sites = rewrite(before, fold_pads)
    assert sites == [0]
    same_results(before, after)
