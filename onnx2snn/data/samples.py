"""The samples that a conversion measures and tries the network on."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx

from onnx2snn.data.synthetic import synthetic_inputs
from onnx2snn.settings import RangeSettings
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.ir.arrays import native
from onnx2snn_runtime.program.inputs import check_input, named_inputs, varies_in_time
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.ports import ports

HELD_BACK = 4
"""One calibration sample in so many is held back from the ranges, to try the converted network on."""
MOST_HELD_BACK = 16


def calibration_inputs(model: onnx.ModelProto, calibration: Any, ranges: RangeSettings) -> dict[str, np.ndarray]:
    """Return the calibration inputs of `model` by name, [samples, ...], as many as `ranges` asks for, drawn at random.

    Without any they are made up. Data that do not fit, are not finite or hold no sample raise InputError.
    """
    inputs = synthetic_inputs(model, ranges.seed) if calibration is None else _given(model, calibration)
    sizes = {len(value) for value in inputs.values() if value.ndim}
    if len(sizes) > 1:
        raise InputError(f"the calibration inputs differ in their number of samples: {sorted(sizes)}")
    count = next(iter(sizes), 1)
    if not count:
        raise InputError("the calibration data has no samples: give at least one")
    if ranges.samples is not None and ranges.samples < count:
        chosen = np.sort(np.random.default_rng(ranges.seed).choice(count, ranges.samples, replace=False))
        inputs = {name: value[chosen] if value.ndim else value for name, value in inputs.items()}
    return inputs


def _given(model: onnx.ModelProto, calibration: Any) -> dict[str, np.ndarray]:
    wanted = ports(model)
    named = named_inputs(calibration, wanted)
    for port in wanted:
        tensor = check_input(named[port.name], port)
        if varies_in_time(tensor, port):
            raise InputError(
                f"the calibration data of {port.name!r} has the shape {tuple(tensor.shape)}, an axis more than "
                "the model's input: give still samples, one after the other along the first axis"
            )
    inputs = {port.name: _on_the_host(named[port.name]) for port in wanted}
    for name, value in inputs.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise InputError(f"the calibration data of {name!r} holds NaN or infinite values: leave those samples out")
    return inputs


def _on_the_host(value: Any) -> np.ndarray:
    """Return an array or a tensor, on any device, as an array in this machine's byte order."""
    if not isinstance(value, Tensor):
        return native(np.asarray(value))
    here = value.detach().cpu()
    array: np.ndarray = (here.float() if here.dtype.is_floating_point and here.itemsize < 4 else here).numpy()
    return array


def sample_count(inputs: Mapping[str, np.ndarray]) -> int:
    """Return the number of samples in `inputs`."""
    return next((len(value) for value in inputs.values() if value.ndim), 1)


def hold_back(inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the samples that ranges are measured on, and those held back from that to try the network on."""
    count = sample_count(inputs)
    held = min(MOST_HELD_BACK, count // HELD_BACK)
    if not held:
        return dict(inputs), dict(inputs)
    stride = count // held
    mask = np.zeros(count, bool)
    mask[stride - 1 :: stride][:held] = True
    ranges = {name: value[~mask] if value.ndim else value for name, value in inputs.items()}
    return ranges, {name: value[mask] if value.ndim else value for name, value in inputs.items()}
