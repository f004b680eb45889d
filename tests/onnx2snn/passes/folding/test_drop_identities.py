"""What does nothing at inference goes; names of outputs stay."""

import pytest

from onnx2snn.passes.folding.drop_identities import drop_identities
from tests.onnx2snn.passes.rewriting import lines, model, rewrite, same_results


def test_before_and_after() -> None:
    before = model(
        """net (float[N, 2] x) => (float[N, 2] y, float[N, 2] z)
        { a = Identity(x)  b = Identity(a)  c = Dropout(b)  d = Relu(c)  e = Identity(d)  y = Add(e, e)  z = Neg(d) }"""
    )
    after, sites = rewrite(before, drop_identities, drop_identities)
    assert sites == [4, 0]
    assert sorted(lines(after)) == ["d = Relu(x)", "y = Add(d, d)", "z = Neg(d)"]
    same_results(before, after)


def test_outputs_keep_their_names() -> None:
    before = model(
        "net (float[N, 2] x) => (float[N, 2] y, float[N, 2] z) { y = Identity(x)  r = Relu(x)  z = Dropout(r) }"
    )
    after, sites = rewrite(before, drop_identities)
    assert sites == [0]
    assert [value.name for value in after.graph.output] == ["y", "z"]
    same_results(before, after)


@pytest.mark.parametrize("body", ["a, m = Dropout(x)  b = Cast<to = 1>(m)  y = Add(a, b)"])
def test_a_mask_that_is_read_keeps_its_dropout(body: str) -> None:
    before = model(f"net (float[N, 2] x) => (float[N, 2] y) {{ {body} }}")
    after, sites = rewrite(before, drop_identities)
    assert sites == [0]
    same_results(before, after)


def test_one_of_another_domain_is_no_identity() -> None:
    functions = '<domain: "my", opset_import: ["" : 17]> Identity (x) => (y) { y = Neg(x) }'
    before = model("net (float[N] x) => (float[N] y) { a = my.Identity(x)  y = Relu(a) }", functions=functions)
    after, sites = rewrite(before, drop_identities)
    assert sites == [0]
    assert lines(after) == ["a = Identity(x)", "y = Relu(a)"]
