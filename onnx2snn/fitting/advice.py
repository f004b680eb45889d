"""Advice for a network whose error is too large, and warnings about differing answers."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from onnx2snn.fitting.errors import relative_error
from onnx2snn.settings.payload import PAYLOADS, payload_of
from onnx2snn_runtime.model import SpikingModel

FINE = {"levels": 24, "mantissa": 8}
LONGER = 4
"""What is tried: finer spikes in every population, and so many times the time steps."""
QUICK = 10.0
"""So many seconds may be spent on finding out what would help where nothing is adapted."""
OTHERWISE = "a larger budget or tolerance, or another payload, such as graded"
"""What may help spikes of one size, besides time."""
LOW = 0.9
"""An agreement below this is told of, however small the error."""


def advise(
    snn: SpikingModel,
    held: Mapping[str, np.ndarray],
    expected: Mapping[str, Any],
    timesteps: int,
    tolerance: float,
    *,
    seconds: float,
    left: float = QUICK,
) -> str:
    """Return what helps a network that is off, found on the samples `held` back where that fits into the time `left`.

    `expected` is what the plain network answers to them, `seconds` are those of a run of `held`. Spikes without levels
    and mantissa cannot be finer.
    """
    graded = PAYLOADS[payload_of(snn.defaults.dynamics)].dynamics == ("differential",)
    if seconds * (1 + LONGER) * (2 if graded else 1) > left:
        return "raise levels and mantissa" if graded else f"try more time steps, {OTHERWISE}"

    def error(steps: int) -> float:
        made = snn(held, timesteps=steps, batch_size=16)
        return relative_error(expected, made if isinstance(made, dict) else {snn.program.outputs[0].name: made})

    return what_helps(snn, error, timesteps, tolerance) if graded else whether_longer_helps(error, timesteps, tolerance)


def whether_longer_helps(error: Callable[[int], float], timesteps: int, tolerance: float) -> str:
    """Return in words whether more time steps bring `error` down, and what else may; for spikes of one size."""
    now, longer, steps = error(timesteps), error(LONGER * timesteps), f"{LONGER * timesteps} time steps"
    if longer <= tolerance:
        return f"with {steps} it is off by {longer:.2%}: take so many"
    if longer > 0.7 * now:
        return f"more time steps alone do not help ({longer:.2%} with {steps}): try {OTHERWISE}"
    return f"with {steps} it is off by {longer:.2%}: take so many, or {OTHERWISE}"


def what_helps(snn: SpikingModel, error: Callable[[int], float], timesteps: int, tolerance: float) -> str:
    """Return in words which of finer spikes and more time steps brings `error`, at so many steps, down; try both."""
    before = {p.name: p.attributes for p in snn.program.populations}
    now, longer = error(timesteps), error(LONGER * timesteps)
    try:
        for name, own in before.items():
            finer = replace(own, levels=max(own.levels, FINE["levels"]), mantissa=max(own.mantissa, FINE["mantissa"]))
            snn.set_population(name, levels=finer.levels, mantissa=finer.mantissa)
        fine = error(timesteps)
        both = fine if fine <= tolerance or longer <= tolerance else error(LONGER * timesteps)
    finally:
        for name, own in before.items():
            snn.set_population(name, levels=own.levels, mantissa=own.mantissa)
    levels, steps = f"levels {FINE['levels']} and mantissa {FINE['mantissa']}", f"{LONGER * timesteps} time steps"
    found = min(fine, longer, both)
    if found > 0.7 * now:
        return (
            f"neither {levels} nor {steps} help (off by {fine:.2%} and {longer:.2%}): calibrate on more samples, "
            "such as those that it is to run on"
        )
    if fine <= tolerance or fine <= min(longer, 2 * both):
        return f"with {levels} it is off by {fine:.2%}: convert with these"
    if longer <= tolerance or longer <= 2 * both:
        return f"with {steps} it is off by {longer:.2%}: take so many"
    return f"with {levels} and {steps} it is off by {both:.2%}: convert with these"


def disagreement(agrees: float | None, error: float) -> str | None:
    """Return a warning where few answers agree though the error is small, None where all is well."""
    if agrees is None or agrees >= LOW:
        return None
    return (
        f"the network is off by {error:.2%} (relative) only, yet {agrees:.0%} of its answers on held-back samples are "
        "the plain network's: its best answers lie close together; measure accuracy with labels, or convert with a "
        "smaller tolerance"
    )
