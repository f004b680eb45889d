"""Convolutions and pools against onnxruntime, over the pads, strides, dilations and roundings there are."""

import numpy as np
import pytest
import torch

from onnx2snn_runtime.errors import ModelError, UnsupportedError
from onnx2snn_runtime.ops import find_operator
from tests.runtime.ops.oracle import agree, floats

CONV = [
    {"shape": (2, 4, 9), "kernel": (3,), "group": 2, "pads": [1, 2], "strides": [2]},
    {"shape": (2, 4, 9, 8), "kernel": (3, 2), "pads": [1, 0, 2, 1], "dilations": [2, 1]},
    {"shape": (2, 4, 9, 8), "kernel": (3, 3), "auto_pad": "SAME_UPPER", "strides": [2, 2]},
    {"shape": (2, 4, 8, 7), "kernel": (4, 3), "auto_pad": "SAME_LOWER", "strides": [2, 1]},
    {"shape": (2, 4, 9, 8), "kernel": (3, 3), "auto_pad": "VALID"},
    {"shape": (2, 4, 9, 1), "kernel": (3, 1), "group": 2, "pads": [1, 0, 2, 0], "dilations": [2, 1], "strides": [2, 3]},
    {"shape": (2, 4, 1, 9), "kernel": (1, 3), "pads": [0, 1, 0, 1], "strides": [1, 2]},
    {"shape": (2, 4, 1, 1), "kernel": (1, 1)},
    {"shape": (2, 4, 9, 1), "kernel": (3, 1), "pads": [1, 1, 1, 1]},
    {"shape": (2, 4, 1, 5, 1), "kernel": (1, 2, 1), "auto_pad": "SAME_UPPER"},
    {"shape": (1, 4, 6, 5, 7), "kernel": (3, 2, 3), "group": 4, "pads": [1, 1, 1, 1, 1, 1], "strides": [1, 2, 2]},
]


@pytest.mark.parametrize("case", CONV)
@pytest.mark.parametrize("bias", [False, True])
def test_conv(case: dict, bias: bool) -> None:
    attributes = {k: v for k, v in case.items() if k not in ("shape", "kernel")}
    weight = floats(8, case["shape"][1] // case.get("group", 1), *case["kernel"], seed=1)
    agree("Conv", floats(*case["shape"]), weight, *([floats(8, seed=2)] if bias else []), **attributes)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"strides": [2, 3], "pads": [1, 0, 2, 1]},
        {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]},
        {"strides": [3, 2], "output_shape": [13, 8]},
        {"strides": [2, 2], "output_shape": [10, 8], "auto_pad": "SAME_UPPER"},
        {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
        {"dilations": [2, 1], "group": 2, "pads": [1, 1, 1, 1]},
        {"strides": [3, 3], "output_padding": [2, 1]},
    ],
)
@pytest.mark.parametrize("bias", [False, True])
def test_conv_transpose(attributes: dict, bias: bool) -> None:
    weight = floats(4, 6 // attributes.get("group", 1), 3, 3, seed=1)
    agree("ConvTranspose", floats(2, 4, 5, 4), weight, *([floats(6, seed=2)] if bias else []), **attributes)


@pytest.mark.parametrize("stride", [1500, 40_000, 65_536])
def test_conv_transpose_with_strides_that_onednn_dies_of(stride: int) -> None:
    agree("ConvTranspose", floats(2, 1, 3), floats(1, 2, 2, seed=1), floats(2, seed=2), strides=[stride])
    agree("ConvTranspose", floats(2, 1, 2, 3), floats(1, 1, 2, 2, seed=1), strides=[2, stride])


@pytest.mark.parametrize("op", ["Conv", "ConvTranspose"])
def test_four_spatial_axes_are_refused(op: str) -> None:
    import torch

    operator = find_operator(op, 18)
    assert operator is not None
    with pytest.raises(UnsupportedError, match=f"{op} over 4 spatial axes"):
        operator.function(torch.zeros(1, 1, 2, 2, 2, 2), torch.zeros(1, 1, 1, 1, 1, 1))


POOLS = [
    {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1]},
    {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
    {"kernel_shape": [2, 2], "strides": [3, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1},
    {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER", "strides": [2, 2]},
    {"kernel_shape": [2, 3], "auto_pad": "SAME_LOWER"},
    {"kernel_shape": [3, 3], "dilations": [2, 1], "pads": [1, 1, 1, 1]},
]


@pytest.mark.parametrize("attributes", POOLS)
@pytest.mark.parametrize("op", ["MaxPool", "AveragePool", "LpPool"])
def test_pool(op: str, attributes: dict) -> None:
    if op == "LpPool" and "ceil_mode" in attributes:
        pytest.skip("onnxruntime has no LpPool with ceil_mode")
    agree(op, floats(2, 3, 10, 9), opset=19 if op == "AveragePool" else 18, **attributes)


@pytest.mark.parametrize("attributes", [a for a in POOLS if "ceil_mode" not in a])
def test_average_pool_counts_pads(attributes: dict) -> None:
    agree("AveragePool", floats(2, 3, 10, 9), opset=19, count_include_pad=1, **attributes)


@pytest.mark.parametrize("storage_order", [0, 1])
@pytest.mark.parametrize("attributes", POOLS)
def test_max_pool_indices(attributes: dict, storage_order: int) -> None:
    agree("MaxPool", floats(2, 3, 10, 9), outputs=2, storage_order=storage_order, **attributes)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_max_pool_of_integers(dtype: type) -> None:
    x = np.random.default_rng(0).integers(0, 100, (1, 2, 6, 6)).astype(dtype)
    agree("MaxPool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1])


@pytest.mark.parametrize("shape", [(2, 3, 7), (2, 3, 4, 5), (1, 2, 3, 4, 3)])
@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"])
def test_global_pool(op: str, shape: tuple[int, ...]) -> None:
    agree(op, floats(*shape))


def test_max_unpool() -> None:
    agree(
        "MaxUnpool", floats(1, 1, 2, 2), np.array([[[[5, 7], [13, 15]]]], np.int64), kernel_shape=[2, 2], strides=[2, 2]
    )


def test_col2im_with_pads() -> None:
    from tests.runtime.ops.oracle import ints

    agree("Col2Im", floats(2, 12, 20), ints(6, 5), ints(2, 2), pads=[0, 0, 0, 0], strides=[1, 1])
    agree("Col2Im", floats(2, 12, 12), ints(6, 4), ints(2, 3), pads=[1, 1, 1, 1], strides=[2, 1], dilations=[2, 1])


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"kernel_shape": [2**62]}, "a window that reaches over .4611686018427387904. is larger"),
        ({"kernel_shape": [2], "dilations": [2**30]}, "is larger than its input"),
        ({"kernel_shape": [0]}, "has a number below 1"),
        ({"kernel_shape": [2], "strides": [0]}, "has a number below 1"),
        ({"kernel_shape": [2], "dilations": [-1]}, "has a number below 1"),
        ({"kernel_shape": [2, 2]}, "does not fit 1 axes"),
        ({"kernel_shape": [2], "strides": [1, 1]}, "does not fit 1 axes"),
        ({"kernel_shape": [2], "pads": [1, 1, 1]}, "does not fit 1 axes"),
    ],
)
@pytest.mark.parametrize("op", ["MaxPool", "AveragePool", "LpPool"])
def test_windows_that_make_no_sense(op: str, attributes: dict, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        find_operator(op, 18).function(torch.ones(1, 1, 6), **attributes)
