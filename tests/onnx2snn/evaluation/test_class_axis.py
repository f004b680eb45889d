"""The axis of classes is found by what made the output; boxes, embeddings and single values have none."""

import numpy as np
import pytest
from onnx import shape_inference

import onnx2snn
from onnx2snn.data.readers import Samples
from onnx2snn.evaluation.class_axis import answer_axes, holds_vectors
from onnx2snn.evaluation.evaluation import evaluate
from onnx2snn.evaluation.output_meaning import meaning
from onnx2snn_runtime.ir.batch import BatchAxes
from tests.onnx2snn.front_end import X, floats, network

IMAGE = "float[N, 2, 6, 6] x"
GIVEN = {
    "k": floats(5, 2, 3, 3), "k4": floats(4, 2, 3, 3), "seq": floats(4, 7), "tiny": np.float32(1e-6),
    "flat": np.int64([0, -1, 5]), "rows": np.int64([0, 5, -1]), "hw": np.int64([2, 3]),
}  # fmt: skip


def axes(body: str, x: str = "float[N, 4] x", y: str = "float[N, A] y") -> tuple[int | None, int | None]:
    """Return the axes of classes and of vectors that the graph tells of; (-1, -1) where it does not."""
    model = network(body, x, y, opset='"" : 13', **GIVEN)
    found = meaning(shape_inference.infer_shapes(model, data_prop=True), "y")
    return (found.classes, found.vectors) if found.known else (-1, -1)


@pytest.mark.parametrize(
    ("body", "x", "y", "axis"),
    [
        ("a = Gemm(x, w, b) h = Relu(a) y = Gemm(h, u, c)", "float[N, 4] x", "float[N, 3] y", 1),
        ("y = Conv(x, k)", IMAGE, "float[N, 5, 4, 4] y", 1),
        ("a = Conv(x, k) y = Transpose<perm = [0, 2, 3, 1]>(a)", IMAGE, "float[N, 4, 4, 5] y", 3),
        ("a = Conv(x, k) t = Transpose<perm = [0, 2, 3, 1]>(a) y = Sigmoid(t)", IMAGE, "float[N, 4, 4, 5] y", 3),
        ("a = Conv(x, k) t = Transpose<perm = [0, 2, 3, 1]>(a) y = Reshape(t, flat)", IMAGE, "float[N, 16, 5] y", 2),
        ("a = Conv(x, k) y = Reshape(a, rows)", IMAGE, "float[N, 5, 16] y", 1),
        ("a = Conv(x, k) p = GlobalAveragePool(a) y = Squeeze(p, hw)", IMAGE, "float[N, 5] y", 1),
        ("a = Conv(x, k) y = ReduceMean<axes = [2, 3], keepdims = 0>(a)", IMAGE, "float[N, 5] y", 1),
        ("a = Conv(x, k) y = Softmax<axis = 1>(a)", IMAGE, "float[N, 5, 4, 4] y", 1),
        ("y = MatMul(x, seq)", "float[N, 9, 4] x", "float[N, 9, 7] y", 2),
        ("a = MatMul(x, seq) y = Transpose<perm = [1, 0, 2]>(a)", "float[N, 9, 4] x", "float[9, N, 7] y", 2),
    ],
)
def test_the_axis_of_features_is_that_of_classes(body: str, x: str, y: str, axis: int) -> None:
    assert axes(body, x, y) == (axis, None)


@pytest.mark.parametrize(
    "tail",
    ["y = Concat<axis = 1>(b4, s)", "j = Concat<axis = 1>(b4, s) y = Transpose<perm = [0, 2, 3, 1]>(j)"],
)
def test_boxes_beside_scores_are_no_classes(tail: str) -> None:
    body = f"b4 = Conv(x, k4) q = Conv(x, k) s = Sigmoid(q) {tail}"
    shape = "4, 4, 9" if "Transpose" in tail else "9, 4, 4"
    assert axes(body, IMAGE, f"float[N, {shape}] y") == (None, None)


def test_anchors_of_several_levels_keep_their_classes() -> None:
    body = """a = Conv(x, k) d = Conv(x, k) r = Reshape(a, rows) q = Reshape(d, rows) j = Concat<axis = 2>(r, q)
              y = Transpose<perm = [0, 2, 1]>(j)"""
    assert axes(body, IMAGE, "float[N, 32, 5] y") == (2, None)


@pytest.mark.parametrize(
    "tail",
    [
        "n = ReduceL2<axes = [1], keepdims = 1>(a) y = Div(a, n)",
        "n = ReduceL2<axes = [1], keepdims = 1>(a) m = Clip(n, tiny) y = Div(a, m)",
        "y = LpNormalization<axis = 1>(a)",
    ],
)
def test_normalized_vectors_are_embeddings(tail: str) -> None:
    assert axes(f"a = MatMul(x, seq) {tail}", y="float[N, 7] y") == (None, 1)


def test_the_name_of_an_output_can_tell() -> None:
    model = network("embedding = MatMul(x, seq)", y="float[N, 7] embedding", **GIVEN)
    assert meaning(shape_inference.infer_shapes(model), "embedding").vectors == 1


def test_outputs_without_numbers_are_no_vectors() -> None:
    assert not holds_vectors(np.zeros((0, 3), np.float32), 1)


def test_labels_decide() -> None:
    model = network("y = Conv(x, k)", IMAGE, "float[N, 5, 4, 4] y", **GIVEN)
    assert answer_axes(model, "y", BatchAxes(), floats(8, 5, 6, 4), np.zeros((8, 5, 6))) == (3, None)


def test_as_many_values_as_the_input_is_long_are_no_classes() -> None:
    model = network("y = CumSum(x, axis)", "float[N, L] x", "float[N, L] y", axis=np.int64(1))
    model = shape_inference.infer_shapes(model)
    assert answer_axes(model, "y", BatchAxes(declared={"y": (0, 0)}), floats(8, 9)) == (None, None)
    assert answer_axes(model, "y", BatchAxes(declared={"y": (0, 9)}), floats(8, 9)) == (1, None)


def test_samples_that_are_not_in_front() -> None:
    model = shape_inference.infer_shapes(
        network(
            "a = MatMul(x, seq) y = Transpose<perm = [1, 0, 2]>(a)", "float[N, 9, 4] x", "float[9, N, 7] y", **GIVEN
        )
    )
    assert answer_axes(model, "y", BatchAxes(outputs={"y": 1}), floats(8, 9, 7)) == (2, None)


def test_boxes_whose_way_is_lost_leave_places() -> None:
    """The way back through the boxes is lost; beside the scores they are along the shorter axis: no agreement."""
    body = """e = Conv(x, k) f = Reshape(e, rows) m = ReduceMax<axes = [1], keepdims = 1>(f) n = Reshape(m, row)
              y = Concat<axis = 1>(n, f)"""
    model = network(body, IMAGE, "float[N, 6, 16] y", opset='"" : 13', **GIVEN, row=np.int64([-1, 1, 16]))
    model = shape_inference.infer_shapes(model, data_prop=True)
    assert answer_axes(model, "y", BatchAxes(), floats(8, 6, 16)) == (None, None)


def converted(body: str, y: str) -> onnx2snn.SpikingModel:
    return onnx2snn.convert(network(f"a = Gemm(x, w, b) h = Tanh(a) {body}", y=y, **GIVEN), X)


def test_embeddings_have_a_cosine_and_no_agreement() -> None:
    snn = converted("s = Gemm(h, u) y = LpNormalization(s)", "float[N, 3] y")
    found = evaluate(snn, Samples({"x": X}, None, len(X)), [1, 8])
    assert snn.conversion is not None
    assert (snn.conversion.agreement, found["class_axis"], found["timesteps"]["8"]["agreement"]) == (None, None, None)
    assert found["timesteps"]["1"]["cosine"] < found["timesteps"]["8"]["cosine"] <= 1
    assert found["timesteps"]["8"]["cosine"] > 0.999


def test_classes_have_an_agreement_and_no_cosine() -> None:
    found = evaluate(converted("y = Gemm(h, u)", "float[N, 3] y"), Samples({"x": X}, None, len(X)), [8])
    assert found["timesteps"]["8"]["agreement"] == 1
    assert found["timesteps"]["8"]["cosine"] is None


def test_a_wide_map_of_channels_last_agrees_by_place() -> None:
    body = "a = Conv(x, k) h = Relu(a) e = Conv(h, m) y = Transpose<perm = [0, 2, 3, 1]>(e)"
    model = network(body, IMAGE, "float[N, 4, 4, 5] y", **GIVEN, m=floats(5, 5, 1, 1))
    snn = onnx2snn.convert(model, floats(24, 2, 6, 6))
    found = evaluate(snn, Samples({"x": floats(24, 2, 6, 6)}, None, 24), [8])
    assert found["class_axis"] == 3
