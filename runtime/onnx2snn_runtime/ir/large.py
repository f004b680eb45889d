"""Models beyond protobuf's message limit of 2 GB, which cannot be measured or serialised as one message."""

import math
from pathlib import Path

import onnx
from onnx import helper

LARGEST_MESSAGE = 2**31 - 2**24
"""Models with more bytes of weights than this are written with external data."""


def weight_bytes(proto: onnx.ModelProto) -> int:
    """Return the bytes of the initializers of `proto`; its ByteSize() raises where they are too many."""
    return sum(
        math.prod(t.dims) * helper.tensor_dtype_to_np_dtype(t.data_type).itemsize for t in proto.graph.initializer
    )


def is_large(proto: onnx.ModelProto) -> bool:
    """Return whether `proto` is too large for one protobuf message."""
    return weight_bytes(proto) > LARGEST_MESSAGE


def save_large(proto: onnx.ModelProto, file: Path) -> None:
    """Write `proto` to `file` and its weights to `file`.data beside it; neither may exist.

    A copy is written, because `onnx.save` removes the weights from the model it writes.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    onnx.save(copy, str(file), save_as_external_data=True, location=file.name + ".data")
