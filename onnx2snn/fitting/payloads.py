"""What a network costs with other payloads: the same populations, calibrated and run with each kind of spike."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import onnx

from onnx2snn.fitting.calibrate import calibrate
from onnx2snn.fitting.candidates import Setting
from onnx2snn.fitting.ternary import fit_schedule
from onnx2snn.fitting.trials import Point, Tuner
from onnx2snn.settings import RangeSettings, SpikeSettings
from onnx2snn.settings.payload import PAYLOADS
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.loading import place
from onnx2snn_runtime.model import SpikingModel

STEPS = {"graded": (1, 2, 3, 4), "power": (2, 3, 4, 6, 8), "ternary": (4, 6, 8, 12, 16, 24, 32, 48, 64)}
MANY = (4, 8, 16, 32, 64)
"""Time steps to look at, by payload, and of the others."""
BITS = {"graded": (6, 8, 10), "power": (4, 5)}
"""Bits of a spike to look at, by payload."""


def other_payloads(
    tuner: Tuner,
    payload: str,
    samples: slice,
    budget: float,
    progress: Callable[[str, float], None] | None = None,
) -> list[Point]:
    """Return the figures of the network with spikes of `payload` (all: of each), on the samples of the slice.

    Those whose dynamics cannot express the network are left out. Fitting takes half of `budget` seconds.
    """
    points: list[Point] = []
    names = list(PAYLOADS) if payload == "all" else [payload]
    for index, name in enumerate(names):
        points += _points(tuner, name, samples, budget / (2 * len(names)))
        if progress:
            progress("other payloads", (index + 1) / len(names))
    return points


def _points(tuner: Tuner, payload: str, samples: slice, budget: float) -> Iterator[Point]:
    """Yield the points of one payload."""
    for bits in BITS.get(payload, (None,)):
        spikes = SpikeSettings(payload=payload, bits=bits).resolved()
        snn = _converted(tuner, SpikeSettings(payload=payload, bits=bits))
        other = Tuner(snn, tuner.samples, list(STEPS.get(payload, MANY)))
        try:
            if spikes.fits_schedule:
                tolerance = PAYLOADS[payload].tolerance
                fit_schedule(snn, tuner.samples.inputs, spikes, tolerance=tolerance, budget=budget)
                other = Tuner(snn, tuner.samples, other.steps)
            found = other.look(Setting(), samples, operations=True)
        except UnsupportedError:
            return
        label = f"{payload}, {spikes.bits} bits" if payload in BITS else payload
        yield from (replace(point, setting=label, payload=payload) for point in found)


def _converted(tuner: Tuner, spikes: SpikeSettings) -> SpikingModel:
    """Return a copy of the network with scales, levels and mantissa bits for these spikes, and their dynamics."""
    proto = onnx.ModelProto()
    proto.CopyFrom(tuner.snn.proto)
    resolved, payload = spikes.resolved(), PAYLOADS[spikes.kind]
    calibrate(proto, tuner.samples.inputs, RangeSettings(scale=payload.scale, range=payload.range), spikes)
    snn = place(SpikingModel(proto, tuner.snn.program.where), str(tuner.snn.program.device))
    snn.set_defaults(
        dynamics=resolved.dynamics, dynamics_options={}, schedule=resolved.schedule, schedule_options={},
        timesteps=resolved.timesteps,
    )  # fmt: skip
    return snn
