"""Integers, booleans and second outputs are computed anew in every neuron that needs them."""

import numpy as np
import pytest

from onnx2snn.passes.base import run_passes
from onnx2snn.passes.neurons.split_shared_logic import split_shared_logic
from onnx2snn.pipeline import BACK
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.errors import UnsupportedError
from tests.onnx2snn.passes.graphs import front, model_of, neurons

SHARED = (
    "<float o = {0.1}> h = MatMul(x, w) b = Greater(h, o) n = Not(b) p = Where(b, h, g) q = MatMul(p, w) "
    "r = Where(n, q, g) s = MatMul(r, w) y = Add(s, q)"
)


def test_a_condition_of_two_neurons_is_in_both():
    assert neurons(SHARED) == [("Region1", 1), ("Region2", 2)]


def test_the_second_time_it_changes_nothing():
    work = front(model_of(SHARED))
    assert split_shared_logic(work) == 1
    assert split_shared_logic(work) == 0


def test_what_is_computed_stays():
    model = model_of(SHARED)
    work = front(model)
    run_passes(BACK, work)
    inputs = {"x": np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)}
    np.testing.assert_allclose(
        run_ann(work.model, inputs, 5)["y"], run_ann(model, inputs, 5)["y"], rtol=1e-5, atol=1e-6
    )


def test_two_results_of_one_operator_are_two_neurons():
    text = (
        "<int64[1] k = {8}> h = MatMul(x, w) v, i = TopK(h, k) e = Cast<to=1>(i) a = Mul(e, h) b = MatMul(a, w) "
        "c = MatMul(v, w) y = Add(b, c)"
    )
    made = neurons(text)
    assert sorted(sources for _, sources in made) == [1, 1]
    assert ("TopK", 1) in made


def test_indices_and_what_they_look_up_are_one_neuron():
    text = "<int64[1] k = {1}> h = MatMul(x, w) v, i = TopK(h, k) j = Squeeze(i) z = Gather<axis=0>(w, j) y = Relu(z)"
    assert neurons(text, signature="(float[N,8] x) => (float[M,8] y)") == [("Region1", 1)]


def test_integers_that_meet_weights_are_refused():
    text = (
        "<int64[1] k = {8}, int32[8,8] wi = {"
        + ",".join("1" * 64)
        + "}> h = MatMul(x, w) v, i = TopK(h, k) j = Cast<to=6>(i) m = MatMul(j, wi) f = Cast<to=1>(m) y = Relu(f)"
    )
    with pytest.raises(UnsupportedError, match="sends integers or booleans on, which spikes cannot carry"):
        neurons(text)
