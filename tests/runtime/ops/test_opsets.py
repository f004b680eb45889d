"""The meanings that operators had in older opsets, against onnxruntime."""

import numpy as np
import pytest
import torch

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import find_operator
from tests.runtime.ops.oracle import agree, floats, ints

X = floats(2, 3, 4)


@pytest.mark.parametrize("opset", [11, 13])
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax", "Hardmax"])
def test_softmax(op: str, axis: int, opset: int) -> None:
    agree(op, X, opset=opset, axis=axis)


@pytest.mark.parametrize("opset", [11, 13])
def test_softmax_default_axis(opset: int) -> None:
    agree("Softmax", X, opset=opset)


@pytest.mark.parametrize("op", ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceL2", "ReduceLogSumExp", "ReduceProd"])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_reduce_with_attribute(op: str, keepdims: int) -> None:
    agree(op, X, opset=11, axes=[0, -1], keepdims=keepdims)
    agree(op, X, opset=11, keepdims=keepdims)


@pytest.mark.parametrize("op", ["ReduceSum", "ReduceMean", "ReduceMin", "ReduceSumSquare", "ReduceLogSum", "ReduceL1"])
def test_reduce_with_input(op: str) -> None:
    agree(op, abs(X), ints(0, -1), opset=18, keepdims=0)
    agree(op, abs(X), None, opset=18, keepdims=0)


@pytest.mark.parametrize("op", ["ReduceSum", "ReduceMax"])
def test_reduce_of_nothing(op: str) -> None:
    agree(op, X, np.zeros(0, np.int64), opset=18, noop_with_empty_axes=1)


def test_attributes_that_became_inputs() -> None:
    agree("Clip", X, opset=6, min=-0.5, max=0.5)
    agree("Clip", X, np.float32(-0.5), np.float32(0.5), opset=13)
    agree("Clip", X, None, np.float32(0.5), opset=13)
    agree("Squeeze", floats(1, 3, 1), opset=11, axes=[0, 2])
    agree("Squeeze", floats(1, 3, 1), ints(-1), opset=13)
    agree("Unsqueeze", X, opset=11, axes=[0, 4])
    agree("Unsqueeze", X, ints(-1, 0), opset=13)
    agree("Slice", X, opset=9, starts=[1, -3], ends=[3, -1], axes=[1, 2])
    agree("Slice", X, ints(-1, 3), ints(-5, 0), ints(1, 2), ints(-1, -2), opset=13)
    agree("Split", X, opset=11, split=[1, 3], axis=2, outputs=2)
    agree("Split", X, ints(1, 3), opset=13, axis=2, outputs=2)
    agree("Split", floats(2, 5), opset=18, axis=1, num_outputs=3, outputs=3)
    agree("TopK", X, opset=9, k=2, axis=1, outputs=2)
    agree("TopK", X, ints(2), opset=11, axis=1, largest=0, outputs=2)
    agree("Dropout", X, opset=7, ratio=0.3)
    agree("Upsample", floats(1, 1, 2, 3), opset=7, scales=[1.0, 1.0, 2.0, 2.0])


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge"])
def test_pad(mode: str) -> None:
    agree("Pad", X, opset=2, pads=[0, 1, 2, 0, 2, 1], mode=mode)
    agree("Pad", X, ints(0, 1, 2, 0, 2, 1), opset=13, mode=mode)
    agree("Pad", X, ints(1, -1, 0, -1), None, ints(1, 2), opset=18, mode="constant")


def test_pad_wraps() -> None:
    agree("Pad", X, ints(0, 1, 2, 0, 2, 1), opset=19, mode="wrap")


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Pow"])
def test_broadcasting_before_opset_7(op: str) -> None:
    function = find_operator(op, 6).function
    a, b = torch.rand(2, 3, 4), torch.rand(3)
    reference = {"Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div, "Pow": torch.pow}[op]
    torch.testing.assert_close(function(a, b, broadcast=1, axis=1), reference(a, b.reshape(3, 1)))


def test_group_normalization_by_group() -> None:
    x, scale, bias = torch.from_numpy(floats(2, 4, 3)), torch.tensor([2.0, 3.0]), torch.tensor([0.5, -1.0])
    old, new = find_operator("GroupNormalization", 18), find_operator("GroupNormalization", 21)
    want = torch.nn.functional.group_norm(x, 2) * torch.tensor([2.0, 2, 3, 3])[:, None]
    want = want + torch.tensor([0.5, 0.5, -1, -1])[:, None]
    torch.testing.assert_close(old.function(x, scale, bias, num_groups=2), want)
    torch.testing.assert_close(
        new.function(x, scale.repeat_interleave(2), bias.repeat_interleave(2), num_groups=2), want
    )


@pytest.mark.parametrize("axis", [1, 2])
def test_dft_axis(axis: int) -> None:
    agree("DFT", floats(2, 6, 5, 1), opset=17, axis=axis)
    agree("DFT", floats(2, 6, 5, 1), None, np.int64(axis), opset=20)
    agree("DFT", floats(2, 6, 5, 1), None, np.int64(axis), opset=20, onesided=1)
    agree("DFT", floats(2, 6, 5, 2), np.int64(8), np.int64(axis), opset=20, inverse=1)


@pytest.mark.parametrize("dtype", [np.int32, np.float32, np.float64])
def test_mod_and_division(dtype: type) -> None:
    a, b = np.array([7, -7, 7, -7], dtype), np.array([3, 3, -3, -3], dtype)
    agree("Mod", a, b, fmod=int(dtype != np.int32))
    agree("Div", a, b)


@pytest.mark.parametrize("op", ["CumSum"])
@pytest.mark.parametrize("exclusive", [0, 1])
@pytest.mark.parametrize("reverse", [0, 1])
def test_cumulative(op: str, exclusive: int, reverse: int) -> None:
    agree(op, X, np.int64(1), exclusive=exclusive, reverse=reverse)


@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
def test_scatter(reduction: str) -> None:
    rows, updates = np.array([[0, 2, -1, 1]], np.int64), floats(1, 4, seed=1)
    agree("ScatterElements", floats(3, 4), rows, updates, axis=0, reduction=reduction)
    places, updates = np.array([[0, 1], [2, -1]], np.int64), floats(2, 2, seed=1)
    agree("ScatterND", floats(3, 4, 2), places, updates, reduction=reduction)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather(axis: int) -> None:
    agree("Gather", X, np.array([[0, -1], [1, 0]], np.int64), axis=axis)
    agree("Gather", X, np.array(-1, np.int64), axis=axis)
    agree("GatherElements", X, np.array([[[0, -1, 1]]], np.int64), axis=axis)
    agree("GatherND", X, np.array([[1, 2], [0, -1]], np.int64))
    agree("GatherND", X, np.array([[1], [2]], np.int64), batch_dims=1)


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "message"),
    [
        ("DepthToSpace", [torch.zeros(1, 4, 1, 1)], {"blocksize": 2, "mode": "XYZ"}, "DepthToSpace with mode='XYZ'"),
        ("Resize", [torch.zeros(1, 1)], {"mode": "lanczos"}, "Resize with mode='lanczos'"),
        ("Pad", [torch.zeros(2), [1, 1]], {"mode": "mirror"}, "Pad with mode='mirror'"),
        ("Cast", [torch.zeros(1)], {"to": 8}, "Cast to element type 8"),
        ("Constant", [], {"value_string": "a"}, "Constant with value_string"),
        ("LpNormalization", [torch.zeros(1)], {"p": 3}, "LpNormalization with p=3"),
        ("Add", [torch.zeros(1, dtype=torch.uint64)] * 2, {}, "uint64 arithmetic"),
    ],
)
def test_unsupported(op: str, inputs: list, attributes: dict, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        find_operator(op, 18).function(*inputs, **attributes)
