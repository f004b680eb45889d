"""Every way that exporters write a function becomes one neuron, of as few sources as the function has, and is named."""

import pytest

from tests.onnx2snn.passes.graphs import neurons

HALF = "float half = {0.5}, float one = {1}, float root = {1.41421356}, float inv = {0.70710678}"
TANH = "float three = {3}, float c = {0.044715}, float k = {0.79788456}"
AXIS = "int64[1] l = {-1}, float eps = {1e-5}, float two = {2}"


def within(function: str, constants: str = "") -> str:
    """Return the text of a function from `h` to `z` between two linear layers."""
    return f"<{constants}> h0 = MatMul(x, w) h = Add(h0, g) {function} y = MatMul(z, w)"


GELU = {
    "native": "z = Gelu(h)",
    "native tanh": 'z = Gelu<approximate="tanh">(h)',
    "PyTorch": "a = Div(h, root) e = Erf(a) b = Add(e, one) m = Mul(h, b) z = Mul(m, half)",
    "half first": "n = Mul(h, half) a = Mul(h, inv) e = Erf(a) b = Add(e, one) z = Mul(n, b)",
    "half inside": "a = Mul(h, inv) e = Erf(a) n = Mul(e, half) b = Add(n, half) z = Mul(b, h)",
    "tanh with a power": "q = Pow(h, three) a = Mul(q, c) b = Add(h, a) d = Mul(b, k) t = Tanh(d) o = Add(t, one) "
    "m = Mul(h, o) z = Mul(m, half)",
    "tanh with products": "q = Mul(h, h) r = Mul(q, h) a = Mul(c, r) b = Add(a, h) d = Mul(k, b) t = Tanh(d) "
    "o = Add(one, t) n = Mul(half, h) z = Mul(n, o)",
}


@pytest.mark.parametrize("text", GELU.values(), ids=GELU)
def test_gelu(text):
    assert neurons(within(text, f"{HALF}, {TANH}"), opset=20) == [("Gelu", 1)]


ACTIVATIONS = {
    "SiLU": ("s = Sigmoid(h) z = Mul(h, s)", "Silu"),
    "SiLU of exponentials": ("n = Neg(h) e = Exp(n) d = Add(e, one) r = Reciprocal(d) z = Mul(r, h)", "Silu"),
    "SiLU as a quotient": ("n = Neg(h) e = Exp(n) d = Add(e, one) z = Div(h, d)", "Silu"),
    "GELU by a sigmoid": ("<f> a = Mul(h, f) s = Sigmoid(a) z = Mul(h, s)", "QuickGelu"),
    "Mish": ("s = Softplus(h) t = Tanh(s) z = Mul(h, t)", "Mish"),
    "Mish of exponentials": ("e = Exp(h) d = Add(e, one) s = Log(d) t = Tanh(s) z = Mul(h, t)", "Mish"),
    "native Mish": ("z = Mish(h)", "Mish"),
    "Hardswish": ("a = Add(h, t3) b = Clip(a, zero, six) m = Mul(h, b) z = Div(m, six)", "Hardswish"),
    "Hardswish by a gate": ("s = HardSigmoid<alpha=0.16666667, beta=0.5>(h) z = Mul(h, s)", "Hardswish"),
    "native Hardswish": ("z = HardSwish(h)", "HardSwish"),
    "softsign": ("a = Abs(h) b = Add(a, one) z = Div(h, b)", "Softsign"),
    "ReLU and its square": ("r = Relu(h) z = Mul(r, r)", "SquaredRelu"),
    "ELU by a choice": ("b = Greater(h, zero) e = Exp(h) m = Sub(e, one) z = Where(b, h, m)", "Elu"),
    "nothing known": ("s = Sin(h) z = Mul(s, h)", "Region1"),
}


@pytest.mark.parametrize(("text", "name"), ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_activations(text, name):
    constants = "float one = {1}, float t3 = {3}, float zero = {0}, float six = {6}, float f = {1.702}"
    assert neurons(within(text.replace("<f> ", ""), constants)) == [(name, 1)]


NORMS = {
    "native": ("z = LayerNormalization(h, g, g)", "LayerNormalization"),
    "two passes": (
        "m = ReduceMean(h, l) d = Sub(h, m) q = Pow(d, two) v = ReduceMean(q, l) e = Add(v, eps) s = Sqrt(e) "
        "n = Div(d, s) o = Mul(n, g) z = Add(o, g)",
        "LayerNormalization",
    ),
    "two passes by a reciprocal": (
        "m = ReduceMean(h, l) d = Sub(h, m) q = Mul(d, d) v = ReduceMean(q, l) e = Add(v, eps) s = Sqrt(e) "
        "r = Reciprocal(s) n = Mul(d, r) z = Mul(n, g)",
        "LayerNormalization",
    ),
    "mean of squares less square of mean": (
        "m = ReduceMean(h, l) q = Mul(h, h) a = ReduceMean(q, l) b = Mul(m, m) v0 = Sub(a, b) v = Relu(v0) "
        "e = Add(v, eps) s = Sqrt(e) d = Sub(h, m) n = Div(d, s) o = Mul(n, g) z = Add(o, g)",
        "LayerNormalization",
    ),
    "Keras": (
        "m = ReduceMean(h, l) q = Mul(h, h) a = ReduceMean(q, l) b = Mul(m, m) v = Sub(a, b) e = Add(v, eps) "
        "s = Sqrt(e) r = Reciprocal(s) rg = Mul(r, g) n = Mul(h, rg) o = Mul(m, rg) p = Sub(g, o) z = Add(n, p)",
        "LayerNormalization",
    ),
    "RMS": (
        "q = Pow(h, two) v = ReduceMean(q, l) e = Add(v, eps) s = Sqrt(e) r = Reciprocal(s) "
        "n = Mul(h, r) z = Mul(n, g)",
        "RMSNormalization",
    ),
    "RMS by a quotient": (
        "q = Mul(h, h) v = ReduceMean(q, l) e = Add(v, eps) s = Sqrt(e) n = Div(h, s) z = Mul(g, n)",
        "RMSNormalization",
    ),
    "L2": ("s = ReduceL2(h, l) z = Div(h, s)", "L2Normalization"),
    "L2 with a least length": ("s = ReduceL2(h, l) c = Clip(s, eps) z = Div(h, c)", "L2Normalization"),
    "native L2": ("z = LpNormalization<axis=-1, p=2>(h)", "LpNormalization"),
    "softmax": ("m = ReduceMax(h, l) d = Sub(h, m) e = Exp(d) s = ReduceSum(e, l) z = Div(e, s)", "Softmax"),
    "softmax without a maximum": ("e = Exp(h) s = ReduceSum(e, l) z = Div(e, s)", "Softmax"),
    "native softmax": ("z = Softmax(h)", "Softmax"),
    "log-softmax": (
        "m = ReduceMax(h, l) d = Sub(h, m) e = Exp(d) s = ReduceSum(e, l) o = Log(s) z = Sub(d, o)",
        "LogSoftmax",
    ),
    "log of a softmax": ("s = Softmax(h) z = Log(s)", "LogSoftmax"),
}


@pytest.mark.parametrize(("text", "name"), NORMS.values(), ids=NORMS)
def test_functions_along_an_axis(text, name):
    assert neurons(within(text, AXIS)) == [(name, 1)]


MAP = "(float[N,8,4,4] x) => (float[N,8,A,B] y)"
CONV = "c = Conv(x, k) "
KERNEL = "float[8,8,1,1] k = {" + ",".join(str((i * i) % 7 / 7) for i in range(64)) + "}"
MAPS = {
    "native InstanceNorm": ("z = InstanceNormalization(c, g, g)", [("InstanceNormalization", 1)]),
    "InstanceNorm": (
        "m = ReduceMean(c, hw) d = Sub(c, m) q = Mul(d, d) v = ReduceMean(q, hw) e = Add(v, eps) "
        "s = Sqrt(e) z = Div(d, s)",
        [("InstanceNormalization", 1)],
    ),
    "PyTorch's GroupNorm": (
        "r = Reshape(c, groups) n = InstanceNormalization(r, o4, o4) s = Shape(c) b = Reshape(n, s) t = Mul(b, g1) "
        "z = Add(t, g1)",
        [("InstanceNormalization", 1)],
    ),
    "LayerNorm over channels": (
        "m = ReduceMean(c, ax1) d = Sub(c, m) q = Mul(d, d) v = ReduceMean(q, ax1) e = Add(v, eps) "
        "s = Sqrt(e) n = Div(d, s) "
        "z = Mul(n, g1)",
        [("LayerNormalization", 1)],
    ),
    "squeeze and excitation": (
        "p = GlobalAveragePool(c) a = Conv(p, k) r = Relu(a) b = Conv(r, k) s = Sigmoid(b) z = Mul(c, s)",
        [("Relu", 1), ("GLU", 2)],
    ),
    "squeeze and excitation, hard": (
        "p = ReduceMean(c, hw) a = Conv(p, k) r = Relu(a) b = Conv(r, k) "
        "s = HardSigmoid<alpha=0.16666667>(b) z = Mul(s, c)",
        [("Relu", 1), ("HardGate", 2)],
    ),
}


@pytest.mark.parametrize(("text", "made"), MAPS.values(), ids=MAPS)
def test_functions_of_maps(text, made):
    constants = (
        f"{KERNEL}, int64[2] hw = {{2,3}}, int64[1] ax1 = {{1}}, int64[3] groups = {{0,4,-1}}, float eps = {{1e-5}}, "
        "float[4] o4 = {1,1,1,1}, float[8,1,1] g1 = {1,2,3,4,5,6,7,8}"
    )
    assert neurons(f"<{constants}> {CONV}{text} y = Conv(z, k)", signature=MAP) == made


def test_native_group_normalization_is_one_neuron():
    text = f"<{KERNEL}> {CONV} z = GroupNormalization<num_groups=4>(c, g, g) y = Conv(z, k)"
    assert neurons(text, signature=MAP, opset=21) == [("GroupNormalization", 1)]


GATED = {
    "SwiGLU": ("s = Sigmoid(h) a = Mul(h, s) z = Mul(a, u)", "SwiGLU"),
    "SwiGLU, split": ("b = Concat<axis=1>(h, u) p, q = Split<axis=1, num_outputs=2>(b) s = Sigmoid(q) a = Mul(s, q) "
                      "z = Mul(p, a)", "SwiGLU"),
    "GeGLU": ("a = Div(h, root) e = Erf(a) b = Add(e, one) m = Mul(h, b) n = Mul(m, half) z = Mul(u, n)", "GeGLU"),
    "GLU": ("s = Sigmoid(h) z = Mul(u, s)", "GLU"),
    "WaveNet": ("t = Tanh(h) s = Sigmoid(u) z = Mul(t, s)", "TanhSigmoidGate"),
    "a product": ("z = Mul(h, u)", "Mul"),
    "a maximum": ("z = Max(h, u)", "Max"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "name"), GATED.values(), ids=GATED)
def test_gates_have_two_sources(text, name):
    made = neurons(f"<{HALF}> h = MatMul(x, w) u0 = MatMul(x, w) u = Add(u0, g) {text} y = MatMul(z, w)")
    assert made == [(name, 2)]


def test_rotary_positions_make_no_neuron():
    text = (
        "<float[1,4] f = {1,0.5,0.25,0.125}, int64[1] l = {2}, int64[1] a = {0}, int64[1] b = {4}, int64[1] c = {8}> "
        "p = Cast<to=1>(at) u = Unsqueeze(p, l) m = MatMul(u, f) mm = Concat<axis=2>(m, m) co = Cos(mm) si = Sin(mm) "
        "q = MatMul(x, w) q1 = Slice(q, a, b, l) q2 = Slice(q, b, c, l) n = Neg(q2) r = Concat<axis=2>(n, q1) "
        "qc = Mul(q, co) rs = Mul(r, si) z = Add(qc, rs) k = MatMul(x, w) t = Transpose<perm=[0,2,1]>(k) "
        "y = MatMul(z, t)"
    )
    signature = "(float[N,S,8] x, int64[N,S] at) => (float[N,S,S] y)"
    assert neurons(text, signature=signature) == [("MatMul", 2)]


def test_attention_is_two_products_and_a_softmax():
    text = (
        "<float scale = {0.35}> q = MatMul(x, w) k = MatMul(x, w) v = MatMul(x, w) t = Transpose<perm=[0,2,1]>(k) "
        "s = MatMul(q, t) d = Mul(s, scale) p = Softmax(d) y = MatMul(p, v)"
    )
    signature = "(float[N,S,8] x) => (float[N,S,8] y)"
    assert neurons(text, signature=signature) == [("MatMul", 2), ("Softmax", 1), ("MatMul", 2)]


def test_two_ways_to_write_a_function_are_two_functions_of_one_name():
    first = "s = Sigmoid(h) a = Mul(h, s) b = MatMul(a, w)"
    second = "n = Neg(b) e = Exp(n) d = Add(e, one) z = Div(b, d)"
    third = "s3 = Sigmoid(z0) z = Mul(z0, s3)"
    assert neurons(within(f"{first} {second}", HALF)) == [("Silu", 1), ("Silu_2", 1)]
    assert neurons(within(f"{first} {second.replace('z =', 'i =')} z0 = MatMul(i, w) {third}", HALF)) == [
        ("Silu", 1), ("Silu_2", 1), ("Silu", 1)
    ]  # fmt: skip


def test_one_way_to_write_two_functions_is_two_functions():
    text = "s = Sigmoid(h) a = Mul(h, s) b = MatMul(a, w) f1 = Mul(b, f) s1 = Sigmoid(f1) z = Mul(b, s1)"
    assert neurons(within(text, "float f = {1.702}")) == [("Silu", 1), ("QuickGelu", 1)]


def test_an_unknown_rank_leaves_a_region_its_number():
    text = (
        "<int64[2] far = {-1,8}> r = Reshape(x, at) h = MatMul(r, w) s = Sigmoid(h) m = Mul(h, s) y = Reshape(m, far)"
    )
    assert neurons(text, signature="(float[N,8] x, int64[K] at) => (float[M,8] y)") == [("Region1", 1)]


def test_a_residual_stays_outside():
    text = "s = Sigmoid(h) a = Mul(h, s) z = Add(a, x)"
    assert neurons(within(text)) == [("Silu", 1)]


def test_a_sum_where_no_neuron_feeds_another_is_no_neuron():
    text = "a = Relu(h) b = Sigmoid(h0) z = Add(a, b)"
    assert neurons(within(text)) == [("Sigmoid", 1), ("Relu", 1)]


def test_what_another_layer_needs_too_is_a_neuron_of_its_own():
    text = "s = Sigmoid(h) a = Mul(h, s) z1 = MatMul(s, w) z = Add(a, z1)"
    assert neurons(within(text)) == [("Sigmoid", 1), ("Mul", 2)]
