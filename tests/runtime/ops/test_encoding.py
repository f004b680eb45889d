"""The operators of ai.onnx.ml that prepare data, against onnxruntime."""

import numpy as np
import pytest
import torch

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops.encoding import imputer, label_encoder, one_hot_encoder
from tests.runtime.ops.oracle import agree, floats

ML = "ai.onnx.ml"


def test_imputer() -> None:
    x = floats(4, 3)
    x[1, 2] = x[2, 0] = np.nan
    agree("Imputer", x, domain=ML, imputed_value_floats=[1.0, 2.0, 3.0], replaced_value_float=float("nan"))
    agree("Imputer", x, domain=ML, imputed_value_floats=[5.0], replaced_value_float=float("nan"))
    agree("Imputer", np.int64([[1, 7], [7, 2]]), domain=ML, imputed_value_int64s=[3, 4], replaced_value_int64=7)


def test_one_hot_encoder() -> None:
    x = np.int64([[1, 5], [9, 3]])
    agree("OneHotEncoder", x, domain=ML, cats_int64s=[1, 3, 5], zeros=1)
    agree("OneHotEncoder", x.astype(np.float32), domain=ML, cats_int64s=[1, 3, 5], zeros=1)


def test_label_encoder() -> None:
    x = np.int64([[1, 5], [9, 3]])
    agree("LabelEncoder", x, domain=ML, keys_int64s=[1, 3], values_floats=[0.5, 0.25], default_float=-2.0)
    agree("LabelEncoder", x, domain=ML, keys_int64s=[1, 3], values_int64s=[7, 8])
    agree("LabelEncoder", floats(3, 2), domain=ML, keys_floats=[1.0, 2.0], values_floats=[3.0, 4.0])


def test_strings_are_refused() -> None:
    x = torch.zeros(2, dtype=torch.int64)
    with pytest.raises(UnsupportedError, match="OneHotEncoder with cats_strings"):
        one_hot_encoder(x, cats_strings=["a"])
    with pytest.raises(UnsupportedError, match="LabelEncoder with strings"):
        label_encoder(x, keys_int64s=[1], values_strings=["a"])
    with pytest.raises(UnsupportedError, match="Imputer without values of the type"):
        imputer(x, imputed_value_floats=[1.0])
