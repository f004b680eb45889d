"""Recurrent layers, normalizations, products and regions against onnxruntime."""

import numpy as np
import pytest

from tests.runtime.ops.oracle import agree, floats, ints

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def _recurrent(op: str, directions: int, steps: int = 5, batch: int = 3, size: int = 4, hidden: int = 3) -> list:
    rows = GATES[op] * hidden
    return [
        floats(steps, batch, size),
        floats(directions, rows, size, seed=1, scale=0.5),
        floats(directions, rows, hidden, seed=2, scale=0.5),
        floats(directions, 2 * rows, seed=3, scale=0.5),
    ]


@pytest.mark.parametrize("lengths", [None, np.array([5, 2, 3], np.int32)])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("op", GATES)
def test_directions(op: str, direction: str, lengths: np.ndarray | None) -> None:
    directions = 2 if direction == "bidirectional" else 1
    initial = [floats(directions, 3, 3, seed=4 + i) for i in range(2 if op == "LSTM" else 1)]
    agree(
        op,
        *_recurrent(op, directions),
        lengths,
        *initial,
        outputs=3 if op == "LSTM" else 2,
        hidden_size=3,
        direction=direction,
    )


@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("RNN", {"activations": ["Relu"]}),
        ("RNN", {"activations": ["LeakyRelu"], "activation_alpha": [0.3]}),
        ("RNN", {"activations": ["ScaledTanh"], "activation_alpha": [0.7], "activation_beta": [1.2]}),
        ("RNN", {"clip": 0.2}),
        ("GRU", {"linear_before_reset": 1}),
        ("GRU", {"activations": ["HardSigmoid", "Softsign"], "activation_alpha": [0.3], "activation_beta": [0.4]}),
        ("GRU", {"clip": 0.3}),
        ("LSTM", {"input_forget": 1}),
        ("LSTM", {"activations": ["Sigmoid", "Relu", "Tanh"]}),
        ("LSTM", {"clip": 0.3}),
    ],
)
def test_options(op: str, attributes: dict) -> None:
    agree(op, *_recurrent(op, 1), outputs=2, hidden_size=3, **attributes)


def test_peepholes() -> None:
    agree("LSTM", *_recurrent("LSTM", 1), None, None, None, floats(1, 9, seed=5), outputs=3, hidden_size=3)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_lrn(size: int) -> None:
    agree("LRN", floats(2, 6, 3, 3), size=size if size % 2 else size + 1, alpha=0.5, beta=0.6, bias=1.5)


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_layer_normalization(axis: int) -> None:
    shape = (2, 3, 4)[axis:]
    agree("LayerNormalization", floats(2, 3, 4), floats(*shape, seed=1), floats(*shape, seed=2), axis=axis, outputs=3)


@pytest.mark.parametrize("opset", [7, 9, 14, 15])
def test_batch_normalization(opset: int) -> None:
    statistics = [floats(3, seed=i) for i in (1, 2, 3)]
    agree("BatchNormalization", floats(2, 3, 4, 5), *statistics, abs(floats(3, seed=4)), opset=opset, epsilon=0.01)


def test_instance_normalization() -> None:
    agree("InstanceNormalization", floats(2, 3, 4, 5), floats(3, seed=1), floats(3, seed=2), epsilon=0.01)


@pytest.mark.parametrize("p", [1, 2])
def test_lp_normalization(p: int) -> None:
    agree("LpNormalization", floats(3, 4), p=p, axis=0)


@pytest.mark.parametrize("trans", [(0, 0), (1, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize("bias", [(), (5,), (4, 1), (4, 5)])
def test_gemm(bias: tuple[int, ...], trans: tuple[int, int]) -> None:
    a, b = floats(4, 3), floats(3, 5, seed=1)
    agree(
        "Gemm",
        a.T.copy() if trans[0] else a,
        b.T.copy() if trans[1] else b,
        floats(*bias, seed=2),
        transA=trans[0],
        transB=trans[1],
        alpha=0.5,
        beta=2.0,
    )


@pytest.mark.parametrize("shapes", [((3,), (3,)), ((2, 3), (3,)), ((3,), (4, 3, 2)), ((2, 1, 3, 4), (5, 4, 2))])
def test_matmul(shapes: tuple) -> None:
    agree("MatMul", floats(*shapes[0]), floats(*shapes[1], seed=1))


@pytest.mark.parametrize("equation", ["ij, jk -> ik", "bij,bjk", "...ij,...kj->...ik", "iiB,Bi->i", "abc->ca"])
def test_einsum(equation: str) -> None:
    shapes = {
        "ij, jk -> ik": [(2, 3), (3, 4)],
        "bij,bjk": [(2, 3, 4), (2, 4, 5)],
        "...ij,...kj->...ik": [(2, 3, 4), (2, 5, 4)],
        "iiB,Bi->i": [(3, 3, 2), (2, 3)],
        "abc->ca": [(2, 3, 4)],
    }[equation]
    agree("Einsum", *(floats(*s, seed=i) for i, s in enumerate(shapes)), equation=equation)


ROIS = np.array([[0.3, 1.2, 6.1, 7.9], [-1.0, -2.0, 3.0, 12.0], [4.0, 4.0, 4.0, 4.0]], np.float32)


@pytest.mark.parametrize("ratio", [0, 2])
@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("shift", ["half_pixel", "output_half_pixel"])
def test_roi_align(shift: str, mode: str, ratio: int) -> None:
    agree(
        "RoiAlign",
        floats(2, 3, 9, 8),
        ROIS,
        ints(0, 1, 1),
        output_height=3,
        output_width=2,
        sampling_ratio=ratio,
        mode=mode,
        spatial_scale=0.9,
        coordinate_transformation_mode=shift,
    )


def test_max_roi_pool() -> None:
    rois = np.array([[0, 1, 1, 6, 5], [1, 0, 2, 9, 9], [1, 7, 7, 7, 7]], np.float32)
    agree("MaxRoiPool", floats(2, 3, 9, 8), rois, pooled_shape=[3, 2], spatial_scale=0.8)


@pytest.mark.parametrize("center", [0, 1])
@pytest.mark.parametrize("threshold", [0.2, 0.5])
def test_non_max_suppression(threshold: float, center: int) -> None:
    rng = np.random.default_rng(0)
    boxes = rng.random((2, 40, 4)).astype(np.float32)
    scores = rng.random((2, 3, 40)).astype(np.float32)
    limits = ints(6), np.float32([threshold]), np.float32([0.3])
    agree("NonMaxSuppression", boxes, scores, *limits, center_point_box=center)


@pytest.mark.parametrize("align", [0, 1])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["linear", "nearest", "cubic"])
def test_grid_sample(mode: str, padding: str, align: int) -> None:
    grid = floats(2, 4, 5, 2, seed=1)
    agree("GridSample", floats(2, 3, 6, 7), grid, opset=20, mode=mode, padding_mode=padding, align_corners=align)
