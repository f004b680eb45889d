"""Fits what spikes carry, and when, to held-back samples: what there is to fit depends on the dynamics."""

from collections.abc import Callable, Mapping

import numpy as np

from onnx2snn.fitting.adaptation import Adaptation, adapt
from onnx2snn.fitting.ternary import fit_schedule
from onnx2snn.fitting.trying import Trier
from onnx2snn.reference.ann import Reference
from onnx2snn.settings.spikes import Spikes
from onnx2snn_runtime.model import SpikingModel

MORE_BITS = 2
"""So many bits more than the default may a graded spike have, where nobody said how many it has."""


def fit(
    snn: SpikingModel,
    inputs: Mapping[str, np.ndarray],
    spikes: Spikes,
    *,
    seen: Mapping[str, np.ndarray] | None = None,
    tolerance: float,
    budget: float,
    fits_scales: bool = False,
    reference: Reference | None = None,
    progress: Callable[[float], None] | None = None,
) -> Adaptation:
    """Fit `snn` to `inputs` within `tolerance`, for `budget` seconds at most (0: only look what it gives).

    `reference` is the plain network with its answers to `inputs`, by default that of the IR. `seen` are the samples
    that the ranges were measured on; with `fits_scales` nobody chose the kind of scales.

    Graded spikes and powers are adapted population by population; ternary ones get a schedule; what is left is run
    as it is.
    """
    if budget and spikes.dynamics == "differential":
        return adapt(
            snn, inputs, seen=seen, reference=reference, timesteps=spikes.timesteps,
            more_timesteps=spikes.fits_timesteps, bits=spikes.bits,
            more_bits=MORE_BITS if spikes.fits_bits else 0,
            power=spikes.payload == "power", tolerance=tolerance, budget=budget, progress=progress,
        )  # fmt: skip
    if budget and spikes.dynamics == "ternary":
        return fit_schedule(
            snn, inputs, spikes, tolerance=tolerance, budget=budget, fits_scales=fits_scales, reference=reference,
            progress=progress,
        )  # fmt: skip
    trier = Trier(snn, inputs, reference)
    error = trier.look([spikes.timesteps])[0].error
    bad = trier.not_finite()
    reached = error <= tolerance and not bad
    seconds = trier.seconds * spikes.timesteps
    return Adaptation(
        error, trier.agreement(), reached, spikes.timesteps, trier.expected, runs=1, not_finite=bad, seconds=seconds,
        left=budget,
    )  # fmt: skip
