"""An example node of every affine operator: shapes of float inputs, arrays of control inputs, attributes."""

from typing import Any

import numpy as np


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


X, IMAGE = (2, 3, 4), (2, 4, 6, 6)
ROI = np.array([[0.0, 0.0, 3.0, 3.0], [1.0, 1.0, 4.0, 5.0]])
GRID = np.random.default_rng(0).uniform(-1.2, 1.2, (2, 3, 3, 2))
ANGLES = np.random.default_rng(1).normal(size=(2, 3, 2))

EXAMPLES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "Identity": ([X], {}),
    "Dropout": ([X], {}),
    "Flatten": ([X], {"axis": 1}),
    "Transpose": ([X], {"perm": [2, 0, 1]}),
    "Cast": ([X], {"to": 11}),
    "CastLike": ([X, np.zeros(1)], {}),
    "DepthToSpace": ([IMAGE], {"blocksize": 2}),
    "SpaceToDepth": ([IMAGE], {"blocksize": 2}),
    "Neg": ([X], {}),
    "AveragePool": ([IMAGE], {"kernel_shape": [3, 2], "pads": [1, 0, 1, 0], "strides": [2, 1]}),
    "GlobalAveragePool": ([IMAGE], {}),
    "Reshape": ([X, ints(0, -1)], {}),
    "Squeeze": ([(2, 1, 3), ints(1)], {}),
    "Unsqueeze": ([X, ints(1, 3)], {}),
    "Expand": ([(3, 1), ints(2, 3, 4)], {}),
    "Tile": ([X, ints(1, 2, 1)], {}),
    "Split": ([X, ints(1, 3)], {"axis": 2}),
    "Gather": ([X, np.array([[0, 2], [1, 0]])], {"axis": 1}),
    "GatherElements": ([X, np.array([[[0, 2, 1, 0]], [[1, 1, 0, 2]]])], {"axis": 1}),
    "GatherND": ([X, np.array([[0, 1], [1, 2]])], {}),
    "Compress": ([X, np.array([True, False, True])], {"axis": 1}),
    "Trilu": ([X, ints(1).reshape(())], {"upper": 1}),
    "CumSum": ([X, ints(1).reshape(())], {"exclusive": 1, "reverse": 1}),
    "ReduceSum": ([X, ints(1)], {"keepdims": 0}),
    "ReduceMean": ([X, ints(0, 2)], {}),
    "ReverseSequence": ([(4, 2, 3), ints(3, 2)], {}),
    "Slice": ([X, ints(2, 0), ints(0, 3), ints(1, 2), ints(-1, 2)], {}),
    "Pad": ([X, ints(0, 1, 1, 0, 0, 2), ()], {"mode": "constant"}),
    "Resize": ([IMAGE, None, np.array([1, 1, 1.5, 2]), None], {"mode": "linear"}),
    "Upsample": ([IMAGE, np.array([1.0, 1, 2, 2], np.float32)], {"mode": "nearest"}),
    "RotaryEmbedding": ([(2, 2, 3, 4), np.cos(ANGLES), np.sin(ANGLES)], {}),
    "CenterCropPad": ([X, ints(2, 5)], {"axes": [1, 2]}),
    "MaxUnpool": ([(1, 1, 2, 2), np.array([[[[1, 2], [8, 15]]]])], {"kernel_shape": [2, 2], "strides": [2, 2]}),
    "Col2Im": ([(1, 5, 5), ints(5, 5), ints(1, 5)], {}),
    "GridSample": ([IMAGE, GRID], {"mode": "linear", "padding_mode": "border"}),
    "AffineGrid": ([(2, 2, 3), ints(2, 3, 4, 5)], {"align_corners": 1}),
    "RoiAlign": ([IMAGE, ROI, ints(0, 1)], {"output_height": 2, "output_width": 2}),
    "Add": ([X, (3, 4)], {}),
    "Sub": ([(3, 1), X], {}),
    "Sum": ([X, (4,), (3, 1)], {}),
    "Mean": ([X, (4,), (3, 1)], {}),
    "Concat": ([X, (2, 1, 4), (2, 2, 4)], {"axis": 1}),
    "Where": ([np.array([True, False, True, True]), X, (3, 1)], {}),
    "OneHot": ([ints(1, 0, 2), ints(3).reshape(()), (2,)], {}),
    "TensorScatter": ([(2, 4, 3), (2, 2, 3), ints(1, 0)], {"axis": 1}),
    "ScatterElements": ([X, np.array([[[0, 2, 1, 0]]]), (1, 1, 4)], {"axis": 1, "reduction": "add"}),
    "ScatterND": ([X, np.array([[0, 1], [1, 2]]), (2, 4)], {}),
    "Scatter": ([X, np.array([[[0, 2, 1, 0]]]), (1, 1, 4)], {"axis": 1}),
    "Mul": ([X, (3, 4)], {}),
    "MatMul": ([X, (4, 5)], {}),
    "Div": ([X, (3, 4)], {}),
    "Einsum": ([X, (4, 5)], {"equation": "bij,jk->bki"}),
    "Conv": ([IMAGE, (6, 2, 3, 3), (6,)], {"group": 2, "pads": [1, 0, 1, 0], "strides": [1, 2]}),
    "ConvTranspose": ([IMAGE, (4, 3, 2, 2), (6,)], {"group": 2, "strides": [2, 2]}),
    "Gemm": ([(2, 3), (5, 3), (5,)], {"transB": 1, "alpha": 0.5, "beta": 2.0}),
    "DFT": ([(2, 8, 1), ints(8).reshape(()), ints(1).reshape(())], {}),
    "STFT": ([(1, 16, 1), ints(4).reshape(()), (8,), ints(8).reshape(())], {}),
    "DeformConv": ([(1, 2, 4, 4), (2, 2, 2, 2), np.full((1, 8, 3, 3), 0.3), (2,), np.ones((1, 4, 3, 3))], {}),
    "BatchNormalization": ([IMAGE, (4,), (4,), (4,), np.ones(4)], {}),
}
OPSETS = {"Upsample": 9, "Scatter": 10}
"""Where the operator is gone from the newest opset."""
NEWEST = 24
