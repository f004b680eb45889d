"""Models beyond protobuf's limit of 2 GB: it refuses to measure, serialise or append them."""

import math
from pathlib import Path

import onnx
from onnx import helper

LARGEST_MESSAGE = 2**31 - 2**24
"""Models with more bytes of weights than this are written with their weights beside them."""


def weight_bytes(proto: onnx.ModelProto) -> int:
    """Return the bytes of the initializers of `proto`; its ByteSize() raises where they are too many."""
    return sum(
        math.prod(t.dims) * helper.tensor_dtype_to_np_dtype(t.data_type).itemsize for t in proto.graph.initializer
    )


def is_large(proto: onnx.ModelProto) -> bool:
    """Return whether `proto` cannot be one message."""
    return weight_bytes(proto) > LARGEST_MESSAGE


def save_large(proto: onnx.ModelProto, file: Path) -> None:
    """Write `proto` to `file` and its weights to `file`.data beside it; both must not exist.

    `onnx.save` takes the weights out of what it writes, so that a copy is written.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    onnx.save(copy, str(file), save_as_external_data=True, location=file.name + ".data")
