"""Measures every population of a network beside the plain network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onnx2snn.diagnosis.tallies import Figures
from onnx2snn.diagnosis.watch import Watch
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.settings import make_settings

BATCH = 4
"""Samples that are run at a time."""


@dataclass(frozen=True)
class Measured:
    """The figures of all populations, in order of execution, and the relative error of the output by time steps."""

    samples: int
    populations: tuple[Figures, ...]
    errors: dict[int, float]

    def of(self, name: str) -> Figures:
        """Return the figures of the population `name`."""
        return next(one for one in self.populations if one.name == name)


def measure(
    snn: SpikingModel,
    inputs: Mapping[str, Any],
    timesteps: Sequence[int],
    batch_size: int | None = None,
    **options: Any,
) -> Measured:
    """Return the figures of every population of `snn` on `inputs` after each of `timesteps`.

    `options` override the network's own settings, as in `SpikingModel.run`.
    """
    steps = sorted(set(timesteps))
    watch = Watch(make_settings(snn.defaults, options).dynamics, steps)
    snn.observe(inputs, steps, watch, batch_size=batch_size or BATCH, **options)
    found = tuple(tally.figures(watch.samples) for tally in watch.tallies.values())
    return Measured(watch.samples, found, {t: watch.output_error(t) for t in steps})
