"""Sample data for a model: what its inputs say of them, and how many of them are taken."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper

from onnx2snn.data.images import Preprocessing
from onnx2snn.data.readers import Request, Samples, open_samples
from onnx2snn.data.streams.base import InMemory, Stream, drawn
from onnx2snn_runtime.errors import InputError, Stage
from onnx2snn_runtime.ir.batch import BatchAxes, axes_of
from onnx2snn_runtime.ir.schema import is_neuron

MOST_BYTES = 2**30
"""Bytes of samples that are taken of a stream where nobody says how many."""


def open_data(
    path: Path,
    proto: onnx.ModelProto,
    limit: int | None,
    image_options: dict[str, Any],
    labels: str | None = None,
    sampling: str | None = None,
    seed: int = 0,
) -> Stream:
    """Return the samples in `path` for the inputs of `proto`, read in batches; images as its only input takes them.

    Before a conversion it is not known where the samples are, and their numbers are not compared.
    """
    ports = _ports(proto)
    preprocessing = _preprocessing(ports[0], image_options) if ports else None
    axes = axes_of(proto) if any(map(is_neuron, proto.graph.node)) else BatchAxes(joint=True)
    names = [port.name for port in ports]
    return open_samples(path, names, Request(limit, preprocessing, axes, labels, sampling, seed))


def preprocessing_of(proto: onnx.ModelProto, image_options: dict[str, Any]) -> Preprocessing:
    """Return how images become the first input of `proto`."""
    return _preprocessing(_ports(proto)[0], image_options)


def _ports(proto: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    constant = {tensor.name for tensor in proto.graph.initializer}
    return [value for value in proto.graph.input if value.name not in constant]


def whole(stream: Stream) -> Samples:
    """Return all samples of `stream`."""
    with Stage(f"reading {stream.where!r}", InputError):
        return stream.read(range(len(stream)))


def read_few(
    stream: Stream,
    limit: int | None,
    sampling: str | None = None,
    seed: int = 0,
    tell: Callable[[str], None] | None = None,
) -> Samples:
    """Return samples of `stream` to measure or to search on: `limit` of them, or as many as a GiB holds.

    What is in memory already stays whole where `limit` is None. `tell` is told where not all are taken.
    """
    few = drawn(stream, limit, sampling, seed)
    if limit is None and not isinstance(stream, InMemory):
        each = sum(value.nbytes for value in stream.read(range(1)).inputs.values())
        most = max(1, MOST_BYTES // max(1, each))
        if most < len(stream):
            if tell is not None:
                tell(f"{stream.where!r} has {len(stream):,} samples; {most:,} of them (1 GiB) are taken: see --samples")
            few = drawn(stream, most, sampling, seed)
    return whole(few)


def _preprocessing(port: onnx.ValueInfoProto, options: dict[str, Any]) -> Preprocessing:
    given = {name: value for name, value in options.items() if value is not None}
    tensor = port.type.tensor_type
    kind = helper.tensor_dtype_to_np_dtype(tensor.elem_type) if tensor.elem_type else np.dtype("float32")
    made = Preprocessing(**given)
    fitted = made.fitted([d.dim_value for d in tensor.shape.dim], str(kind))
    return Preprocessing(**{**vars(fitted), **({"layout": given["layout"]} if "layout" in given else {})})
