"""The samples of a conversion: those that ranges are measured on, and those held back for validation."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from onnx2snn.data.synthetic import synthetic_inputs
from onnx2snn.settings import RangeSettings
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.ir.arrays import native
from onnx2snn_runtime.ir.batch import BatchAxes, axes_of
from onnx2snn_runtime.program.inputs import check_input, named_inputs, varies_in_time
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.ports import placed, ports

HELD_BACK = 4
"""One calibration sample in so many is held back from the ranges, to try the converted network on."""
MOST_HELD_BACK = 16


def calibration_inputs(
    model: onnx.ModelProto, calibration: Any, ranges: RangeSettings, axes: BatchAxes | None = None
) -> dict[str, np.ndarray]:
    """Return the calibration inputs of `model` by name, as many samples as `ranges` asks for, drawn along `axes`.

    Without any they are made up. Data that do not fit, are not finite or hold no sample raise InputError.
    """
    axes = axes_of(model) if axes is None else axes
    inputs = (
        synthetic_inputs(model, ranges.seed, axes=axes) if calibration is None else _given(model, calibration, axes)
    )
    try:
        count = sample_count(inputs, axes)
    except InputError as error:
        raise InputError(f"the calibration data has no samples, or a wrong number: {error}") from error
    if ranges.samples is not None and ranges.samples < count and not axes.joint:
        chosen = np.random.default_rng(ranges.seed).choice(count, ranges.samples, replace=False)
        inputs = taken(inputs, np.sort(chosen), axes)
    return inputs


def given_arrays(model: onnx.ModelProto, calibration: Any) -> dict[str, np.ndarray]:
    """Return calibration data as arrays by input name, unchecked; none where there are none."""
    if calibration is None:
        return {}
    wanted = ports(model)
    named = named_inputs(calibration, wanted)
    return {port.name: np.asarray(check_input(named[port.name], replace(port, shape=None))) for port in wanted}


def _given(model: onnx.ModelProto, calibration: Any, axes: BatchAxes) -> dict[str, np.ndarray]:
    wanted = placed(ports(model), axes)
    named = named_inputs(calibration, wanted)
    for port in wanted:
        tensor = check_input(named[port.name], port)
        if varies_in_time(tensor, port):
            raise InputError(
                f"the calibration data of {port.name!r} has the shape {tuple(tensor.shape)}, an axis more than "
                f"the model's input: give still samples, one after the other along axis {port.axis or 0}"
            )
    inputs = {port.name: on_the_host(named[port.name]) for port in wanted}
    for name, value in inputs.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise InputError(f"the calibration data of {name!r} holds NaN or infinite values: leave those samples out")
    return inputs


def on_the_host(value: Any) -> np.ndarray:
    """Return an array or a tensor, on any device, as an array in this machine's byte order."""
    if not isinstance(value, Tensor):
        return native(np.asarray(value))
    here = value.detach().cpu()
    array: np.ndarray = (here.float() if here.dtype.is_floating_point and here.itemsize < 4 else here).numpy()
    return array


def sample_count(inputs: Mapping[str, np.ndarray], axes: BatchAxes) -> int:
    """Return the number of samples in `inputs`."""
    return axes.count({name: value.shape for name, value in inputs.items()})


def taken(inputs: Mapping[str, np.ndarray], places: Sequence[int] | np.ndarray, axes: BatchAxes) -> dict[str, Any]:
    """Return the samples of `inputs` at `places`."""
    found = {}
    for name, value in inputs.items():
        axis = axes.along(name, value.ndim)
        found[name] = value if axis is None else np.take(value, places, axis)
    return found


def first(inputs: Mapping[str, np.ndarray], count: int, axes: BatchAxes) -> dict[str, np.ndarray]:
    """Return the first `count` samples of `inputs`; all, where they act on each other."""
    return dict(inputs) if axes.joint else taken(inputs, range(min(count, sample_count(inputs, axes))), axes)


def hold_back(inputs: Mapping[str, np.ndarray], axes: BatchAxes) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the samples that ranges are measured on, and those held back from that to try the network on.

    Both are all samples where there are few, and where they act on each other: fewer would have other results.
    """
    count = sample_count(inputs, axes)
    held = min(MOST_HELD_BACK, count // HELD_BACK)
    if not held or axes.joint:
        return dict(inputs), dict(inputs)
    stride = count // held
    mask = np.zeros(count, bool)
    mask[stride - 1 :: stride][:held] = True
    return taken(inputs, np.flatnonzero(~mask), axes), taken(inputs, np.flatnonzero(mask), axes)
