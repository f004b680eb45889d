"""Scales for numbers that lie far beyond the range that was measured.

An estimate moves by less than two scales a step. Where a few samples that the ranges were not measured on are further
away than that, the numbers have a long tail (a product of many factors is one), and what a handful of samples says of
its end is little: the largest that is known counts, wherever it was seen.
"""

from dataclasses import replace

import numpy as np

from onnx2snn.fitting.floors import RAISED
from onnx2snn.fitting.powers import power_of_two
from onnx2snn_runtime.ir.schema import NeuronAttributes

BEYOND = 2.0
"""A number above so many scales is far beyond the range."""


def is_beyond(attributes: NeuronAttributes, largest: np.ndarray) -> bool:
    """Return whether `largest`, one magnitude or one a channel or neuron, is far beyond the scales anywhere."""
    return bool(np.any(_whole(largest, attributes) > BEYOND * attributes.scale))


def reaching(attributes: NeuronAttributes, largest: np.ndarray) -> NeuronAttributes:
    """Return `attributes` with scales that hold `largest` where it is far beyond, and with the levels that keep spikes.

    As many octaves as the largest scale grows by are added to the levels, `RAISED` at most.
    """
    old, sizes = attributes.scale, _whole(largest, attributes)
    scale = np.where(sizes > BEYOND * old, power_of_two(sizes), old).astype(np.float32)
    octaves = min(RAISED, round(float(np.log2(scale.max() / old.max()))))
    maximum = max(attributes.maximum, float(largest.max(initial=0.0)))
    return replace(attributes, scale=scale, levels=min(100, attributes.levels + octaves), maximum=maximum)


def _whole(largest: np.ndarray, attributes: NeuronAttributes) -> np.ndarray:
    """Return `largest` as it broadcasts to the scales: one number where their sizes differ from run to run."""
    return largest if largest.shape == attributes.scale.shape else np.asarray(largest.max(initial=0.0))
