"""A fixed batch axis is freed where that is right, and kept where it is not."""

from collections.abc import Collection
from typing import Any

import numpy as np
import onnx
import pytest

from onnx2snn.passes.base import Work
from onnx2snn.passes.folding import batch_trials
from onnx2snn.passes.folding.fold_constants import fold_constants
from onnx2snn.passes.folding.free_batch import free_batch
from onnx2snn.reference.ann import run_ann
from tests.onnx2snn.passes.rewriting import apply, lines, model, same_results, work_on


def dims(proto: onnx.ModelProto, name: str) -> list[object]:
    (value,) = [v for v in (*proto.graph.input, *proto.graph.output) if v.name == name]
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


@pytest.mark.parametrize("size", [1, 2])
def test_before_and_after(size: int) -> None:
    text = f"""net (float[{size}, 2, 3] x) => (float[{size}, 4] y)
    <int64[2] flat = {{{size}, 6}}, float[6, 4] w> {{ r = Reshape(x, flat)  h = MatMul(r, w)  y = Relu(h) }}"""
    before = model(text)
    work, sites = apply(before, fold_constants, free_batch, free_batch)
    assert sites[1:] == [1, 0]
    assert lines(work.model)[0] == "r = Reshape(x, [0, 6])"
    assert (dims(work.model, "x"), dims(work.model, "y")) == (["batch", 2, 3], ["batch", 4])
    assert (work.batch, work.warnings) == (0, [])
    same_results(before, work.model)
    x = np.random.default_rng(0).normal(size=(5, 2, 3)).astype(np.float32)
    assert run_ann(work.model, {"x": x}, 5)["y"].shape == (5, 4)


def test_samples_by_heads() -> None:
    text = """net (float[1, 4, 6] x) => (float[1, 4, 6] y) <int64[4] split = {1, 4, 2, 3}, int64[3] join = {2, 4, 3},
    int64[4] back = {1, 2, 4, 3}, int64[3] flat = {1, 4, 6}>
    { a = Reshape(x, split)  b = Transpose<perm = [0, 2, 1, 3]>(a)  c = Reshape(b, join)  s = Softmax(c)
      d = Reshape(s, back)  e = Transpose<perm = [0, 2, 1, 3]>(d)  y = Reshape(e, flat) }"""
    before = model(text)
    work, sites = apply(before, fold_constants, free_batch)
    assert sites[1] == 1
    same_results(before, work.model)


def test_what_mixes_samples_has_no_batch_axis() -> None:
    before = model(
        "net (float[3, 3] x) => (float[3, 3] y) { m = ReduceMean<axes = [0], keepdims = 1>(x)  y = Sub(x, m) }"
    )
    work, sites = apply(before, fold_constants, free_batch)
    assert sites[1] == 0
    assert (work.axes.single, work.batch, work.warnings) == (True, 0, [])
    assert work.model == apply(before, fold_constants)[0].model


def test_data_of_another_size_have_their_samples_where_they_differ() -> None:
    before = model(
        "net (float[3, 3] x) => (float[3, 3] y) { m = ReduceMean<axes = [0], keepdims = 1>(x)  y = Sub(x, m) }"
    )
    work = work_on(before)
    work.samples = {"x": np.arange(27, dtype=np.float32).reshape(9, 3) ** 2}
    assert free_batch(work) == 0
    assert work.batch == 3
    assert work.warnings == ["the graph is fixed to a batch of 3: other numbers of samples are filled up to it"]


def test_an_axis_that_moves() -> None:
    work, sites = apply(model("net (float[3, 2] x) => (float[2, 3] y) { y = Transpose<perm = [1, 0]>(x) }"), free_batch)
    assert sites == [1]
    assert (work.axes.inputs, work.axes.outputs) == ({"x": 0}, {"y": 1})
    assert dims(work.model, "y") == [2, "batch"]


@pytest.mark.parametrize(
    ("head", "sites", "axes"),
    [
        ("(float[N, 2] x) => (float[N, 2] y)", [0], {"x": 0}),
        ("(float[2, 2] x, float[3, 2] z) => (float[2, 2] y)", [1], {"x": 0, "z": None}),
    ],
)
def test_free_axes_stay_free(head: str, sites: list[int], axes: dict[str, int | None]) -> None:
    work, found = apply(model(f"net {head} {{ y = Relu(x) }}"), free_batch)
    assert (found, work.batch, work.axes.inputs) == (sites, 0, axes)


def test_no_inputs_are_made_up_where_data_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be as large as memory, and made anew for every assignment that is tried."""
    real, left = batch_trials.synthetic_inputs, set[str]()

    def made(*given: Any, without: Collection[str] = (), **more: Any) -> dict[str, np.ndarray]:
        left.update(without)
        return real(*given, without=without, **more)

    monkeypatch.setattr(batch_trials, "synthetic_inputs", made)
    net = model("net (float[N, 4] x, float[N, 2] z) => (float[N, 4] y, float[N, 2] u) { y = Relu(x)  u = Tanh(z) }")
    work = Work(net, "the model", lambda *_: True, samples={"x": np.ones((5, 4), np.float32)})
    free_batch(work)
    assert work.axes.inputs == {"x": 0, "z": 0}
    assert left == {"x"}
