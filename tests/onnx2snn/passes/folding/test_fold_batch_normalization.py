"""A BatchNormalization goes into the synapse before it, where that is exact."""

import numpy as np
import pytest
from onnx import numpy_helper

from onnx2snn.passes.folding.fold_batch_normalization import fold_batch_normalization
from onnx2snn_runtime.errors import ModelError
from tests.onnx2snn.passes.rewriting import lines, model, rewrite, same_results

NORM = "float[4] s, float[4] o, float[4] m, float[4] var"
FOLDED = {
    "conv": ("[N, 2, 5, 5]", "[N, 4, 3, 3]", "float[4, 2, 3, 3] w", "Conv(x, w)"),
    "bias": ("[N, 2, 5, 5]", "[N, 4, 3, 3]", "float[4, 2, 3, 3] w, float[4] b", "Conv(x, w, b)"),
    "groups": ("[N, 4, 5]", "[N, 4, 3]", "float[4, 1, 3] w, float[4] b", "Conv<group = 4>(x, w, b)"),
    "transposed": ("[N, 2, 4]", "[N, 4, 6]", "float[2, 4, 3] w", "ConvTranspose(x, w)"),
    "transposed groups": (
        "[N, 6, 4]",
        "[N, 4, 6]",
        "float[6, 2, 3] w, float[4] b",
        "ConvTranspose<group = 2>(x, w, b)",
    ),
    "gemm": ("[N, 3]", "[N, 4]", "float[3, 4] w, float[4] b", "Gemm(x, w, b)"),
    "gemm transposed": ("[N, 3]", "[N, 4]", "float[4, 3] w, float[1] b", "Gemm<transB = 1>(x, w, b)"),
}
KEPT = {
    "shared": ("[N, 3]", "[N, 4]", "float[3, 4] w", "Gemm(x, w)  q = Neg(c)", ", float[N, 4] q"),
    "output": ("[N, 3]", "[N, 4]", "float[3, 4] w", "Gemm(x, w)", ", float[N, 4] c"),
    "alpha": ("[N, 3]", "[N, 4]", "float[3, 4] w", "Gemm<alpha = 0.5>(x, w)", ""),
    "activation": ("[N, 4]", "[N, 4]", "float[4] w", "Add(x, w)", ""),
}


def text(source: str, result: str, weights: str, synapse: str, outputs: str = "", epsilon: str = "0.01") -> str:
    return (
        f"net (float{source} x) => (float{result} y{outputs}) <{weights}, {NORM}>\n"
        f"{{ c = {synapse}  n = BatchNormalization<epsilon = {epsilon}>(c, s, o, m, var)  y = Relu(n) }}"
    )


@pytest.mark.parametrize("name", FOLDED)
def test_folded(name: str) -> None:
    before = model(text(*FOLDED[name]))
    after, sites = rewrite(before, fold_batch_normalization, fold_batch_normalization)
    assert sites == [1, 0]
    assert [node.op_type for node in after.graph.node] == [before.graph.node[0].op_type, "Relu"]
    assert len(after.graph.node[0].input) == 3
    same_results(before, after, tolerance=1e-5)


@pytest.mark.parametrize("name", FOLDED)
def test_parameters_of_another_length_are_named(name: str) -> None:
    damaged = model(text(*FOLDED[name]))
    mean = next(tensor for tensor in damaged.graph.initializer if tensor.name == "m")
    mean.CopyFrom(numpy_helper.from_array(np.ones(3, np.float32), "m"))
    with pytest.raises(ModelError, match=r"BatchNormalization.*has 4, 4, 3, 4 numbers for 4 channels: the file is"):
        rewrite(damaged, fold_batch_normalization)


def test_before_and_after() -> None:
    after, _ = rewrite(model(text(*FOLDED["gemm"])), fold_batch_normalization)
    assert [line.split("(")[0] for line in lines(after)] == ["n = Gemm", "y = Relu"]
    assert list(after.graph.node[0].input)[1:] == ["w.folded", "b.folded"]


@pytest.mark.parametrize("name", KEPT)
def test_kept(name: str) -> None:
    before = model(text(*KEPT[name]))
    after, sites = rewrite(before, fold_batch_normalization)
    assert sites == [0]
    same_results(before, after)


def test_two_in_a_row_and_shared_weights() -> None:
    before = model(
        f"""net (float[N, 4] x) => (float[N, 4] y, float[N, 4] z) <float[4, 4] w, {NORM}>
        {{ c = Gemm(x, w)  n = BatchNormalization(c, s, o, m, var)  k = BatchNormalization(n, s, o, m, var)  y = Relu(k)
          d = Gemm(x, w)  z = Relu(d) }}"""
    )
    after, sites = rewrite(before, fold_batch_normalization, fold_batch_normalization)
    assert sites == [2, 0]
    same_results(before, after, tolerance=1e-5)
