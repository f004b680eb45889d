"""Finds the axes of an output that figures are along: classes, for the agreement, or vectors, for the cosine."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx

from onnx2snn.evaluation.comparison import Comparison, Tally, default_class_axis
from onnx2snn.evaluation.output_meaning import meaning
from onnx2snn_runtime.ir.batch import DATA, ROWS, BatchAxes
from onnx2snn_runtime.model import SpikingModel


def answer_axes(
    model: onnx.ModelProto, name: str, axes: BatchAxes, reference: np.ndarray, labels: np.ndarray | None = None
) -> tuple[int | None, int | None]:
    """Return the axis of classes, and that of vectors, of the output `name`, in which samples were moved to the front.

    `reference` are values of it; `labels` that fit one axis alone decide. At most one of the two is no None.
    """
    shape = reference.shape
    if labels is not None:
        return default_class_axis(shape, labels), None
    found = meaning(model, name)
    classes, vectors = (
        None if axis is None else _in_front(axis, name, axes) for axis in (found.classes, found.vectors)
    )
    if not found.known:
        classes = default_class_axis(shape)
        free = [_in_front(axis, name, axes) for axis, size in enumerate(axes.declared.get(name, ())) if not size]
        if classes in free:
            classes = None  # as many as the input is long: places, not classes
        mixed = [axis for axis in (_in_front(a, name, axes) for a in found.mixed) if axis and axis < len(shape)]
        if classes is not None and any(shape[axis] <= shape[classes] for axis in mixed):
            classes = None  # unlike things along the axis, or along a shorter one: then these are places
    if classes is not None and (classes >= len(shape) or shape[classes] < 2):
        classes = None
    if classes is not None and holds_vectors(reference, classes):
        classes, vectors = None, classes
    return classes, vectors if vectors is None or vectors < len(shape) else None


def samples_first(value: Any, name: str, axes: BatchAxes) -> Any:
    """Return the output `name` with its samples in front; one as long as the data say as plain numbers."""
    axis = axes.outputs.get(name)
    if axis in (DATA, ROWS):
        return np.concatenate([np.ravel(entry) for entry in value]) if isinstance(value, list) else np.ravel(value)
    if axis is None and name in axes.outputs and (axes.single or axes.size == 1) and not isinstance(value, list):
        return value[None]  # of the one sample of a call
    return np.moveaxis(value, axis, 0) if isinstance(axis, int) and axis else value


def _in_front(axis: int, name: str, axes: BatchAxes) -> int | None:
    """Return where an axis of the graph is once the samples are in front, None for that of the samples."""
    samples = axes.outputs.get(name, 0)
    if isinstance(samples, str) or axis == samples:
        return None
    return axis + 1 if samples is None or axis < int(samples) else axis


def holds_vectors(values: np.ndarray, axis: int) -> bool:
    """Return whether all of `values` have the norm 1 along `axis`, and are no probabilities: an embedding."""
    if (
        values.dtype.kind != "f"
        or values.ndim <= axis
        or values.shape[axis] < 2
        or not values.size
        or not np.isfinite(values).all()
    ):
        return False
    norms = np.linalg.norm(values.astype(np.float64), axis=axis)
    return bool(values.min() < 0 and np.allclose(norms, 1, atol=1e-3))


def agreement(snn: SpikingModel, expected: Mapping[str, Any], outputs: Mapping[str, Any]) -> float | None:
    """Return the share of equal top-1 of the first float output that holds classes, None where none does."""
    for name, value in expected.items():
        if isinstance(value, list) or np.asarray(value).dtype.kind != "f":
            continue
        reference = samples_first(value, name, snn.program.axes)
        axis, _ = answer_axes(snn.proto, name, snn.program.axes, reference)
        if axis is None:
            continue
        comparison = Comparison(axis, True, {1: Tally()})
        comparison.add(reference, {1: samples_first(np.asarray(outputs[name]), name, snn.program.axes)}, None)
        share: float | None = comparison.figures(1)["timesteps"]["1"]["agreement"]
        return share
    return None
