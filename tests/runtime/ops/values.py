"""Values of ONNX as values of torch and back: arrays, attributes."""

from typing import Any

import numpy as np
import onnx
import torch
from onnx import AttributeProto

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops.cast import DTYPES

_BY_NAME = {str(np.dtype(onnx.helper.tensor_dtype_to_np_dtype(code))): dtype for code, dtype in DTYPES.items()}
_NUMPY = {dtype: onnx.helper.tensor_dtype_to_np_dtype(code) for code, dtype in DTYPES.items()}
_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def to_torch(array: Any) -> Any:
    """Return a copy of an array as a tensor of the same element type, and a list of them as a list."""
    if array is None:
        return None
    if isinstance(array, list):
        return [to_torch(v) for v in array]
    array = np.asarray(array)
    if array.dtype.name not in _BY_NAME:
        raise UnsupportedError(f"a tensor of {array.dtype.name} is not supported: torch has no such type")
    dtype = _BY_NAME[array.dtype.name]
    if dtype.is_complex:
        return torch.from_numpy(np.array(array))
    bits = np.ascontiguousarray(array).view(f"i{array.itemsize}" if array.itemsize > 1 else "u1")
    return torch.from_numpy(bits.reshape(array.shape).copy()).view(dtype)


def to_numpy(x: Any) -> Any:
    """Return a tensor as an array of the same element type, and a list of tensors as a list of arrays."""
    if isinstance(x, (list, tuple)):
        return [to_numpy(v) for v in x]
    if x is None or x.dtype.is_complex:
        return x if x is None else x.numpy()
    bits = x.detach().contiguous().view(_BITS[x.element_size()]).numpy()
    return bits.view(_NUMPY[x.dtype]).reshape(tuple(x.shape))


def decode(attribute: AttributeProto) -> Any:
    """Return the value of an attribute: numbers, str, lists of them, tensors."""
    if attribute.type == AttributeProto.SPARSE_TENSOR:
        return _dense(attribute.sparse_tensor)
    value = onnx.helper.get_attribute_value(attribute)
    if attribute.type == AttributeProto.TENSOR:
        return to_torch(onnx.numpy_helper.to_array(value))
    if attribute.type == AttributeProto.STRING:
        return value.decode()
    if attribute.type == AttributeProto.STRINGS:
        return [v.decode() for v in value]
    return list(value) if attribute.type in (AttributeProto.INTS, AttributeProto.FLOATS) else value


def _dense(sparse: Any) -> torch.Tensor:
    values = onnx.numpy_helper.to_array(sparse.values)
    index = onnx.numpy_helper.to_array(sparse.indices)
    dense = np.zeros(tuple(sparse.dims), values.dtype)
    if index.ndim == 1:
        dense.reshape(-1)[index] = values
    else:
        dense[tuple(index.T)] = values
    return to_torch(dense)
