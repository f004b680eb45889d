"""What every node is: static, control, synapse, neuron or readout; one small graph a rule."""

import numpy as np
import pytest

from onnx2snn.passes.neurons.classify_values import is_rotary
from tests.onnx2snn.passes.graphs import kinds

TOKENS = "(int64[N,S] ids, int64[N,S] mask) => (float[N,S,8] y)"


def test_weights_are_synapses_and_functions_neurons():
    found = kinds("h = MatMul(x, w) a = Add(h, g) b = Relu(a) y = MatMul(b, w)")
    assert found == {"h": "synapse", "a": "synapse", "b": "neuron", "y": "synapse"}


def test_normalised_inputs_are_control():
    found = kinds(
        "<float m = {0.5}, float s = {0.25}> c = Sub(x, m) n = Div(c, s) l = Clip(n, m, m) h = MatMul(l, w) y = Relu(h)"
    )
    assert (found["c"], found["n"], found["l"], found["h"], found["y"]) == ("control",) * 3 + ("synapse", "neuron")


def test_a_learned_norm_of_the_inputs_is_a_neuron_with_a_source():
    assert kinds("n = LayerNormalization(x, g) y = MatMul(n, w)")["n"] == "neuron"


def test_products_of_two_inputs_by_a_matrix_product_are_a_neuron():
    found = kinds("y = MatMul(x, z)", signature="(float[N,8] x, float[8,8] z) => (float[N,8] y)")
    assert found == {"y": "neuron"}


def test_a_table_looked_up_by_ids_is_a_synapse():
    found = kinds(
        "<int64[1] l = {2}> e = Gather(w, ids) h = Relu(e) m = Cast<to=1>(mask) u = Unsqueeze(m, l) y = Mul(h, u)",
        signature=TOKENS,
    )
    assert found == {"e": "synapse", "h": "neuron", "m": "control", "u": "control", "y": "synapse"}


def test_attention_masks_are_control_and_what_they_mask_a_synapse():
    found = kinds(
        "<int64[1] l = {1}, int64 zero = {0}, float inf = {-1e9}, float one = {1}> e = Gather(w, ids) "
        "k = Transpose<perm=[0,2,1]>(e) s = MatMul(e, k) u = Unsqueeze(mask, l) b = Equal(u, zero) "
        "w1 = Where(b, inf, s) f = Cast<to=1>(u) f1 = Sub(one, f) f2 = Mul(f1, inf) w2 = Add(w1, f2) "
        "p = Softmax(w2) y = MatMul(p, e)",
        signature=TOKENS,
    )
    assert {found[name] for name in ("u", "b", "f", "f1", "f2")} == {"control"}
    assert {found[name] for name in ("e", "k", "w1", "w2")} == {"synapse"}
    assert {found[name] for name in ("s", "p", "y")} == {"neuron"}


def test_where_with_a_condition_that_spikes_is_a_neuron():
    found = kinds("<float o = {0}> h = MatMul(x, w) b = Greater(h, o) z = Where(b, h, g) y = MatMul(z, w)")
    assert (found["b"], found["z"]) == ("neuron", "neuron")


def test_one_hot_inputs_are_control_until_weights_meet_them():
    found = kinds(
        "<int64 d = {8}, float[2] v = {0, 1}> o = OneHot(ids, d, v) h = MatMul(o, w) y = Relu(h)",
        signature="(int64[N,S] ids) => (float[N,S,8] y)",
    )
    assert found == {"o": "control", "h": "synapse", "y": "neuron"}
    found = kinds(
        "<int64[8] r = {0,1,2,3,4,5,6,7}, int64[1] l={2}> u = Unsqueeze(ids, l) e = Equal(u, r) o = Cast<to=1>(e) "
        "h = MatMul(o, w) y = Relu(h)",
        signature="(int64[N,S] ids) => (float[N,S,8] y)",
    )
    assert (found["u"], found["e"], found["o"], found["h"]) == ("control", "control", "control", "synapse")


ROTATED = "q = MatMul(x, w) c = Cos(a) qc = Mul(q, c) s = Sin(a) qs = Mul(q, s) z = Sub(qc, qs) y = Relu(z)"
AT = "(float[N,S,8] x, int64[N,S] at) => (float[N,S,8] y)"


def test_rotary_angles_of_position_ids_are_control():
    found = kinds(
        "<float[1,8] f = {1,0.5,0.25,0.125,1,0.5,0.25,0.125}, int64[1] l = {2}> p = Cast<to=1>(at) u = Unsqueeze(p, l) "
        f"a = MatMul(u, f) {ROTATED}",
        signature=AT,
    )
    assert {found[name] for name in ("p", "u", "a", "c", "s")} == {"control"}
    assert {found[name] for name in ("q", "qc", "qs", "z")} == {"synapse"}
    assert found["y"] == "neuron"


def test_rotary_angles_by_einsum_are_control():
    found = kinds(
        f"<float[8] f = {{1,0.5,0.25,0.125,1,0.5,0.25,0.125}}> p = Cast<to=1>(at) "
        f'a = Einsum<equation="ns,d->nsd">(p, f) {ROTATED}',
        signature=AT,
    )
    assert {found[name] for name in ("a", "c", "s")} == {"control"}
    assert found["qc"] == "synapse"


def test_rotary_angles_of_a_range_over_a_shape_are_static():
    found = kinds(
        "<float[1,8] f = {1,0.5,0.25,0.125,1,0.5,0.25,0.125}, int64 zero = {0}, int64 one = {1}, int64[1] l = {1}> "
        "n = Shape<start=1, end=2>(x) k = Squeeze(n) r = Range(zero, k, one) p = Cast<to=1>(r) u = Unsqueeze(p, l) "
        f"a = MatMul(u, f) {ROTATED}",
        signature="(float[N,S,8] x) => (float[N,S,8] y)",
    )
    assert {found[name] for name in ("r", "p", "u", "a", "c", "s")} == {"static"}
    assert found["qc"] == "synapse"


@pytest.mark.parametrize(("function", "rotary"), [(np.cos, True), (np.sin, True), (np.tanh, False), (np.exp, False)])
def test_tables_of_cosines_and_sines_are_not_learned(function, rotary):
    angles = np.arange(16)[:, None] * 100.0 ** -(np.arange(4) / 4)
    assert is_rotary(function(angles).astype(np.float32)) is rotary


def test_a_table_of_learned_numbers_is_learned():
    assert not is_rotary(np.random.default_rng(0).normal(size=(16, 4)))
    assert not is_rotary(np.zeros((16, 4)))


def test_one_measured_feature_by_weights_is_a_synapse():
    found = kinds(
        "<float[1,8] v = {1,2,3,4,5,6,7,8}> h = MatMul(x, v) y = Relu(h)",
        signature="(float[N,S,1] x) => (float[N,S,8] y)",
    )
    assert found == {"h": "synapse", "y": "neuron"}


def test_a_mask_made_square_by_ones_is_control():
    found = kinds(
        "<float[1,8] ones = {1,1,1,1,1,1,1,1}> k = MatMul(m, ones) h = MatMul(x, w) z = Mul(h, k) y = Relu(z)",
        signature="(float[N,8] x, float[N,1] m) => (float[N,8] y)",
    )
    assert (found["k"], found["z"]) == ("control", "synapse")


@pytest.mark.parametrize(
    "operator", ["Mul(h, k)", "Div(h, k)", "Max(h, k)", "Min(h, k)", "MatMul(h, kt)", "Pow(h, k)", "Mul(h, h)"]
)
def test_two_activations_are_a_neuron(operator):
    found = kinds(
        f"h = MatMul(x, w) k = MatMul(h, w) kt = Transpose(k) r = {operator} z = Relu(r) y = Identity(z)",
        signature="(float[N,8] x) => (float[N,M] y)",
    )
    assert found["r"] == "neuron"


@pytest.mark.parametrize("operator", ["Mul(h, g)", "Div(h, g)", "Add(h, k)", "Sub(h, k)", "Where(b, h, g)", "Neg(h)"])
def test_products_with_constants_and_sums_are_synapses(operator):
    found = kinds(
        f"<float o = {{0}}> h = MatMul(x, w) k = MatMul(h, w) b = Greater(x, o) r = {operator} "
        f"z = Relu(r) y = Add(z, k)"
    )
    assert found["r"] == "synapse"


@pytest.mark.parametrize(
    ("tail", "wanted"),
    [
        ("y = Softmax(h)", {"y": "readout"}),
        ("p = Sigmoid(h) y = Mul(p, g)", {"p": "readout", "y": "readout"}),
        ("p = Softmax(h) q = MatMul(p, w) y = Softmax(q)", {"p": "neuron", "y": "readout"}),
        ("y = Relu(h)", {"y": "neuron"}),
        ("y = LayerNormalization(h, g)", {"y": "neuron"}),
        ("p = Sigmoid(h) y = Mul(p, h)", {"p": "neuron", "y": "neuron"}),
    ],
)
def test_readouts_lead_to_outputs_alone(tail, wanted):
    found = kinds(f"h = MatMul(x, w) {tail}")
    assert {name: found[name] for name in wanted} == wanted


def test_a_softmax_that_is_used_inside_as_well_is_a_neuron():
    found = kinds(
        "h = MatMul(x, w) p = Softmax(h) y = Identity(p) q = MatMul(p, w) z = Relu(q)",
        signature="(float[N,8] x) => (float[N,8] y, float[N,8] z)",
    )
    assert found["p"] == "neuron"


def test_labels_are_read_out():
    found = kinds("h = MatMul(x, w) y = ArgMax<axis=1, keepdims=0>(h)", signature="(float[N,8] x) => (int64[N] y)")
    assert found["y"] == "readout"


def test_shapes_of_what_spikes_are_no_spikes():
    found = kinds("<int64[1] l = {-1}> h = MatMul(x, w) s = Shape(h) r = Relu(h) y = Reshape(r, s)")
    assert found["y"] == "synapse"


def test_the_type_of_a_cast_may_come_from_what_spikes():
    found = kinds("<double e = {2}> h = MatMul(x, w) c = CastLike(e, h) m = Mul(h, c) y = Relu(m)")
    assert "c" not in found  # folded
    assert found["m"] == "synapse"


def test_spiking_inputs_make_their_first_function_a_neuron():
    found = kinds("a = Relu(x) y = MatMul(a, w)", encoder="differential")
    assert found == {"a": "neuron", "y": "synapse"}
