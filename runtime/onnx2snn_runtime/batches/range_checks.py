"""Finds what a run should be told of its own values: populations that saturate, and outputs that are NaN.

A population saturates where estimates are as large as the largest spike, which is about two scales: they can grow by no
more than that in a step, so what is further off is not reached in time. The reason is mostly calibration data that were
unlike those of the run. One pass over the last estimates of a batch finds the largest; only where that is too large the
neurons are counted. Dynamics without a largest spike (`largest_spike` is None) are not looked at.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from onnx2snn_runtime.errors import NotFiniteWarning, SaturationWarning
from onnx2snn_runtime.execution.base import Execution
from onnx2snn_runtime.ir.batch import Axis, BatchAxes
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.real_samples import real_samples

TOLERATED = 0.01
"""A share of saturated neurons above this is worth a warning."""


def count_saturated(execution: Execution, samples: int, batch: int) -> dict[str, int]:
    """Return how many neurons of each population are saturated, for the `samples` of a padded `batch` (0: none is).

    Populations without any are left out. NaN does not count.
    """
    states, dynamics, found = execution.states, execution.settings.dynamics, dict[str, int]()
    items = [item for item in execution.program.populations if item.output in states and states[item.output].v.numel()]
    if not items or dynamics.largest_spike(execution.neurons[items[0].output]) is None:
        return {}
    peaks = dict(execution.peaks)
    limits = {item.output: dynamics.largest_spike(execution.neurons[item.output]) for item in items}
    unknown = [item.output for item in items if item.output not in peaks]
    own = [name for name, limit in limits.items() if isinstance(limit, Tensor)]
    told = _extremes([*(states[name].v for name in unknown), *(limits[name] for name in own)])
    peaks.update((name, max(-low, high)) for name, (low, high) in zip(unknown, told, strict=False))
    least: dict[str, Any] = limits | {name: low for name, (low, _) in zip(own, told[len(unknown) :], strict=True)}
    for item in items:
        limit, v = limits[item.output], states[item.output].v
        if limit is not None and peaks[item.output] >= least[item.output]:
            counted = int(torch.count_nonzero(real_samples(v.abs() >= limit, samples, batch)))
            found.update({item.name: counted} if counted else {})
    return found


def _extremes(values: Sequence[Any]) -> list[tuple[float, float]]:
    """Return the least and the largest number of each of `values`; a device is waited for once."""
    pairs = [torch.aminmax(value) for value in values]  # far faster than a norm
    if not pairs or values[0].device.type == "cpu":
        return [(float(low), float(high)) for low, high in pairs]
    lows, highs = torch.stack([torch.stack(part) for part in zip(*pairs, strict=True)]).tolist()
    return list(zip(lows, highs, strict=True))


def shares(counts: Sequence[Mapping[str, int]], neurons: Mapping[str, int], samples: int) -> dict[str, float]:
    """Return the share of saturated neurons of each population, over all batches.

    A population across samples may have fewer neurons than there are samples: then it is 1.
    """
    names = sorted({name for count in counts for name in count})
    held = {name: sum(count.get(name, 0) for count in counts) for name in names}
    return {name: held[name] / max(held[name], neurons[name] * samples) for name in names}


def warn_of_saturation(saturated: Mapping[str, float], populations: int) -> None:
    """Warn where a share of `saturated` neurons is above `TOLERATED`; one sentence for the whole run."""
    beyond = {name: share for name, share in saturated.items() if share > TOLERATED}
    if beyond:
        worst = max(beyond, key=lambda name: beyond[name])
        warnings.warn(
            f"{len(beyond)} of {populations} populations saturate: {beyond[worst]:.0%} of the neurons of {worst!r} are "
            "beyond their scale, and come near their values late or not at all: convert with calibration data like "
            "these, or take more time steps",
            SaturationWarning,
            stacklevel=4,
        )


def warn_of_nan(outputs: Mapping[str, Any], inputs: Mapping[str, Tensor], axes: BatchAxes) -> None:
    """Warn where an output holds NaN, of how many samples if `axes` tell, and whether an input held it before.

    An output is a tensor, or a list of tensors, one a sample.
    """
    for name, value in outputs.items():
        parts = value if isinstance(value, list) else [value]
        if not any(map(_holds_nan, parts)):
            continue
        given = [key for key, x in inputs.items() if _holds_nan(x)]
        why = f"the input {given[0]!r} holds NaN" if given else "no input holds NaN, so the network made it"
        warnings.warn(
            f"the output {name!r} is NaN{_how_many(parts, axes.outputs.get(name, 0))} ({why}): leave such samples out, "
            "or fill in what they miss",
            NotFiniteWarning,
            stacklevel=4,
        )
        return


def _holds_nan(value: Tensor) -> bool:
    """Return whether there is NaN in `value`, by one pass over it."""
    if not value.is_floating_point() or not value.numel():
        return False
    return math.isnan(float(value.detach().amax()))


def _how_many(parts: Sequence[Tensor], axis: Axis) -> str:
    """Return how many samples hold NaN, in words; "" where their axis is not known."""
    if len(parts) > 1:
        return f" for {sum(map(_holds_nan, parts))} of {len(parts)} samples"
    bad = torch.isnan(parts[0])
    if not isinstance(axis, int) or bad.ndim <= axis:
        return ""
    rows = bad.movedim(axis, 0)
    return f" for {int((rows.flatten(1).any(1) if rows.ndim > 1 else rows).sum())} of {len(rows)} samples"
