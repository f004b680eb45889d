"""Hardware-sized neurons: maxima of two operands, and a centred square for a LayerNormalization."""

import pytest

from onnx2snn.passes.elementwise.decompose_layer_normalization import decompose_layer_normalization
from onnx2snn.passes.elementwise.decompose_max_pool import decompose_max_pool
from onnx2snn_runtime.errors import UnsupportedError
from tests.onnx2snn.passes.rewriting import lines, model, rewrite, same_results

POOLS = {
    "2x2": "MaxPool<kernel_shape = [2, 2], strides = [2, 2]>",
    "odd": "MaxPool<kernel_shape = [3, 2], strides = [1, 2]>",
    "pads": "MaxPool<kernel_shape = [3, 3], strides = [2, 2], pads = [1, 0, 1, 2]>",
    "dilated": "MaxPool<kernel_shape = [2, 3], dilations = [2, 2]>",
    "ceil": "MaxPool<kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1>",
    "ceil, pads": "MaxPool<kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1], ceil_mode = 1>",
    "upper": 'MaxPool<kernel_shape = [3, 2], strides = [2, 2], auto_pad = "SAME_UPPER">',
    "lower": 'MaxPool<kernel_shape = [2, 3], strides = [2, 2], auto_pad = "SAME_LOWER">',
    "valid": 'MaxPool<kernel_shape = [2, 2], strides = [2, 2], auto_pad = "VALID">',
    "one": "MaxPool<kernel_shape = [1, 1]>",
    "global": "GlobalMaxPool",
}


def pooled(pool: str, size: str = "6, 7") -> str:
    head = f"net (float[N, 2, {size}] x) => (float y) <float[2, 2, 1, 1] w>"
    return f"{head} {{ c = Conv(x, w)  p = {pool}(c)  y = Neg(p) }}"


@pytest.mark.parametrize("name", POOLS)
def test_max_pool_as_maxima_of_two(name: str) -> None:
    text = pooled(POOLS[name]).replace("float y", "float[N, 2, H, W] y")
    before = model(text)
    after, sites = rewrite(before, decompose_max_pool, decompose_max_pool)
    assert sites == [1, 0]
    kinds = {node.op_type for node in after.graph.node}
    assert kinds <= {"Conv", "Gather", "Max", "Neg"} | ({"Identity"} if name == "one" else set())
    assert all(len(node.input) == 2 for node in after.graph.node if node.op_type == "Max")
    same_results(before, after)


def test_max_pool_before_and_after() -> None:
    text = pooled(POOLS["2x2"], "2, 2").replace("float y", "float[N, 2, 1, 1] y")
    after, _ = rewrite(model(text), decompose_max_pool)
    assert [line for line in lines(after) if "Conv" not in line] == [
        "c/select = Gather(c, [0]) [axis 2]",
        "c/select_1 = Gather(c, [1]) [axis 2]",
        "c/select/max = Max(c/select, c/select_1)",
        "c/select/max/select = Gather(c/select/max, [0]) [axis 3]",
        "c/select/max/select_1 = Gather(c/select/max, [1]) [axis 3]",
        "p = Max(c/select/max/select, c/select/max/select_1)",
        "y = Neg(p)",
    ]


@pytest.mark.parametrize("pool", [POOLS["one"], "GlobalMaxPool"])
def test_a_pool_that_does_nothing_leaves_the_other_readers_of_its_input(pool: str) -> None:
    before = model(
        f"""net (float[N, 2, 1, 1] x) => (float[N, 2, 1, 1] y, float[N, 2, 1, 1] z, float[N, 2, 1, 1] p)
        <float[2, 2, 1, 1] w> {{ c = Conv(x, w)  p = {pool}(c)  y = Neg(c)  z = Neg(p) }}"""
    )
    after, sites = rewrite(before, decompose_max_pool, decompose_max_pool)
    assert sites == [1, 0]
    assert "Neg(c)" in " ".join(lines(after))
    same_results(before, after)


def test_pools_of_inputs_stay() -> None:
    before = model(
        """net (float[N, 2, 4, 4] x) => (float[N, 2, 2, 2] y)
        { p = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(x)  y = Relu(p) }"""
    )
    assert rewrite(before, decompose_max_pool)[1] == [0]


def test_a_pool_of_unknown_size_is_refused() -> None:
    text = pooled(POOLS["2x2"], "H, W").replace("float y", "float[N, 2, A, B] y")
    with pytest.raises(UnsupportedError, match=r"the MaxPool node '\w+' cannot be made of elementwise neurons"):
        rewrite(model(text), decompose_max_pool)


@pytest.mark.parametrize("opset", [17, 18])
@pytest.mark.parametrize("norm", ["(c, s, b)", "(c, s)", "<axis = 1, epsilon = 0.1>(c, t)", "<axis = -2>(c, t)"])
def test_layer_normalization(norm: str, opset: int) -> None:
    before = model(
        f"""net (float[N, 3, 4] x) => (float[N, 3, 4] y) <float[4, 4] w, float[4] s, float[4] b, float[3, 4] t>
        {{ c = MatMul(x, w)  y = LayerNormalization{norm} }}""",
        opset=opset,
    )
    after, sites = rewrite(before, decompose_layer_normalization, decompose_layer_normalization)
    assert sites == [1, 0]
    kinds = [node.op_type for node in after.graph.node]
    body = ["ReduceMean", "Sub", "Mul", "ReduceMean", "Add", "Sqrt", "Div", "Mul"]
    assert kinds == ["MatMul", *body, *(["Add"] if "b" in norm else [])]
    same_results(before, after, tolerance=1e-5)


def test_layer_normalization_in_the_middle_of_a_network() -> None:
    before = model(
        """net (float[N, 4] x) => (float[N, 2] y) <float[4, 4] w, float[4] s, float[4] b, float[4, 2] u>
        { c = MatMul(x, w)  n = LayerNormalization(c, s, b)  r = Relu(n)  y = MatMul(r, u) }"""
    )
    after, _ = rewrite(before, decompose_layer_normalization)
    assert [line.split(" = ")[0] for line in lines(after)[-4:]] == ["n/Mul_1", "n", "r", "y"]
    same_results(before, after, tolerance=1e-5)
