"""The operators of ai.onnx.ml that prepare data: missing values, integer classes as vectors, integers for integers."""

import torch
from torch import Tensor

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import Declared, operator
from onnx2snn_runtime.ops.held import ARRAYS, on_device

OPERATORS: Declared = {
    "Imputer OneHotEncoder": {"domain": "ai.onnx.ml"},
    "LabelEncoder": {"domain": "ai.onnx.ml", "readout": True, "since": 2},
}


_ML = "ai.onnx.ml"


@operator("Imputer", domain=_ML)
def imputer(
    x: Tensor,
    *,
    imputed_value_floats: list[float] | None = None,
    imputed_value_int64s: list[int] | None = None,
    replaced_value_float: float = 0.0,
    replaced_value_int64: int = 0,
) -> Tensor:
    """y = x, with its column's value where x is the value to replace (NaN, or a number)."""
    values = imputed_value_floats if x.is_floating_point() else imputed_value_int64s
    if not values:
        raise UnsupportedError("Imputer without values of the type of its input is not supported: give imputed values")
    replaced = replaced_value_float if x.is_floating_point() else replaced_value_int64
    missing = torch.isnan(x) if replaced != replaced else x == replaced
    return torch.where(missing, on_device(values, x.dtype, x.device), x)


@operator("OneHotEncoder", domain=_ML)
def one_hot_encoder(
    x: Tensor, *, cats_int64s: list[int] | None = None, cats_strings: list[str] | None = None, zeros: int = 1
) -> Tensor:
    """y[..., i] = 1 where x is the i-th category, else 0; float32."""
    if not cats_int64s:
        raise UnsupportedError("OneHotEncoder with cats_strings is not supported: torch has no strings")
    categories = on_device(cats_int64s, torch.int64, x.device)
    return (x.to(torch.int64).unsqueeze(-1) == categories).float()


@operator("LabelEncoder", domain=_ML, since=2)
def label_encoder(
    x: Tensor,
    *,
    keys_int64s: list[int] | None = None,
    keys_floats: list[float] | None = None,
    keys_tensor: Tensor | None = None,
    values_int64s: list[int] | None = None,
    values_floats: list[float] | None = None,
    values_tensor: Tensor | None = None,
    default_int64: int = -1,
    default_float: float = -0.0,
    default_tensor: Tensor | None = None,
    **strings: object,
) -> Tensor:
    """y = the value of the key x, or the default where x is no key."""
    keys = _numbers(x, keys_tensor, keys_int64s, keys_floats)
    values = _numbers(x, values_tensor, values_int64s, values_floats)
    default = values.new_full((), default_float if values_floats else default_int64)
    if default_tensor is not None:
        default = _placed(default_tensor, x.device).to(values.dtype).reshape(())
    found = (x.unsqueeze(-1) == keys) | (torch.isnan(x).unsqueeze(-1) & torch.isnan(keys))
    return torch.where(found.any(-1), values[found.to(torch.uint8).argmax(-1)], default)


def _numbers(x: Tensor, tensor: Tensor | None, integers: list[int] | None, floats: list[float] | None) -> Tensor:
    if tensor is not None:
        return _placed(tensor, x.device)
    if integers is None and floats is None:
        raise UnsupportedError("LabelEncoder with strings is not supported: torch has no strings")
    kind = torch.int64 if integers is not None else torch.float32
    return on_device(integers if integers is not None else floats or (), kind, x.device)


def _placed(tensor: Tensor, device: torch.device) -> Tensor:
    """Return an attribute, a tensor of the host, on `device`: see `on_device`."""
    if device.type == "cpu" or tensor.dtype not in ARRAYS:
        return tensor.to(device)
    return on_device(tensor.reshape(-1).tolist(), tensor.dtype, device).reshape(tensor.shape)
