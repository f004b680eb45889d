"""The arithmetic operators of ai.onnx.ml, which scikit-learn models are exported to."""

import torch
from torch import Tensor

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import Declared, operator
from onnx2snn_runtime.ops.held import on_device

OPERATORS: Declared = {
    "ArrayFeatureExtractor": {"domain": "ai.onnx.ml", "readout": True},
    "Binarizer": {"domain": "ai.onnx.ml", "elementwise": True, "readout": True},
    "FeatureVectorizer LinearClassifier LinearRegressor Normalizer Scaler": {"domain": "ai.onnx.ml"},
}


_ML = "ai.onnx.ml"


@operator("ArrayFeatureExtractor", domain=_ML)
def array_feature_extractor(x: Tensor, indices: Tensor) -> Tensor:
    """y = x[..., indices]."""
    y = x.index_select(-1, indices.reshape(-1).to(torch.int64))
    return y.reshape(1, -1) if x.ndim == 1 else y


@operator("Binarizer", domain=_ML)
def binarizer(x: Tensor, *, threshold: float = 0.0) -> Tensor:
    """y = 1 for x > threshold, else 0."""
    return (x > threshold).to(x.dtype)


@operator("Scaler", domain=_ML)
def scaler(x: Tensor, *, offset: list[float] | None = None, scale: list[float] | None = None) -> Tensor:
    """y = (x - offset) scale."""
    x = x.float()
    y = x if offset is None else x - on_device(offset, x.dtype, x.device)
    return y if scale is None else y * on_device(scale, x.dtype, x.device)


@operator("Normalizer", domain=_ML)
def normalizer(x: Tensor, *, norm: str = "MAX") -> Tensor:
    """y = x over its largest magnitude, its sum of magnitudes or its length, by row."""
    x = x.float()
    size = {
        "MAX": lambda: x.abs().amax(-1, keepdim=True),
        "L1": lambda: x.abs().sum(-1, keepdim=True),
        "L2": lambda: (x * x).sum(-1, keepdim=True).sqrt(),
    }
    if norm not in size:
        raise UnsupportedError(f"Normalizer with norm={norm!r} is not supported: known are MAX, L1 and L2")
    divisor = size[norm]()
    return x / torch.where(divisor == 0, torch.ones_like(divisor), divisor)


@operator("FeatureVectorizer", domain=_ML)
def feature_vectorizer(*data: Tensor, inputdimensions: list[int] | None = None) -> Tensor:
    """y = the columns of the operands side by side."""
    return torch.cat([x.reshape(x.shape[0], -1).float() for x in data], 1)


def _scores(x: Tensor, coefficients: list[float], intercepts: list[float] | None, rows: int) -> Tensor:
    x = x.float().reshape(-1, x.shape[-1])
    y = x @ on_device(coefficients, x.dtype, x.device).reshape(rows, -1).T
    return y if not intercepts else y + on_device(intercepts, x.dtype, x.device)


def _transformed(y: Tensor, post_transform: str) -> Tensor:
    if post_transform == "LOGISTIC":
        return torch.sigmoid(y)
    if post_transform == "SOFTMAX":
        return torch.softmax(y, -1)
    if post_transform != "NONE":
        raise UnsupportedError(f"post_transform={post_transform!r} of a linear model is not supported")
    return y


@operator("LinearRegressor", domain=_ML)
def linear_regressor(
    x: Tensor,
    *,
    coefficients: list[float],
    intercepts: list[float] | None = None,
    post_transform: str = "NONE",
    targets: int = 1,
) -> Tensor:
    """y (N, targets) = x coefficients' + intercepts."""
    return _transformed(_scores(x, coefficients, intercepts, targets), post_transform)


@operator("LinearClassifier", domain=_ML)
def linear_classifier(
    x: Tensor,
    *,
    coefficients: list[float],
    classlabels_ints: list[int] | None = None,
    classlabels_strings: list[str] | None = None,
    intercepts: list[float] | None = None,
    multi_class: int = 0,
    post_transform: str = "NONE",
) -> tuple[Tensor, Tensor]:
    """(labels, scores) with scores (N, classes) = x coefficients' + intercepts."""
    if not classlabels_ints:
        raise UnsupportedError("LinearClassifier with classlabels_strings is not supported: torch has no strings")
    rows = len(intercepts) if intercepts else len(classlabels_ints)
    scores = _scores(x, coefficients, intercepts, rows)
    if rows == 1 and len(classlabels_ints) == 2:
        scores = torch.cat([1 - scores if post_transform == "NONE" else -scores, scores], 1)
    labels = on_device(classlabels_ints, torch.int64, x.device)
    return labels[scores.argmax(1)], _transformed(scores, post_transform)
