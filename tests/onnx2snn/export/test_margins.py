"""Why spikes of a reader differ: the first difference of a sample, and how near its membrane is to the threshold."""

import numpy as np
import pytest
import torch

from onnx2snn.export.margins import first_margins, watched
from onnx2snn.export.verification import Verification
from onnx2snn_runtime.dynamics.base import make_dynamics
from tests.onnx2snn.export.test_translate import NETWORKS, samples, scaled
from tests.runtime.networks import network


@pytest.mark.parametrize("options", [{"reset": "hard", "initial": 0.0}, {"reset": "soft"}])
def test_our_run_is_watched(options: dict) -> None:
    """A neuron fires where its membrane is at its threshold or above: margins and spikes fit each other."""
    snn = scaled(network(NETWORKS["a shortcut with weights"]), True)
    x, dynamics = samples(snn), make_dynamics("if", None, options)
    outputs, spikes, margins = watched(snn.program, {"x": torch.from_numpy(x)}, dynamics, 5)
    run = snn.run(x, (1, 5), executor="step", probes=["spikes"], dynamics="if", dynamics_options=options)
    for t in (1, 5):
        assert np.array_equal(outputs[t], run.outputs[t])
    for name, sent in run.probes["spikes"].items():
        assert np.array_equal(spikes[name], sent.numpy() != 0)
        assert (margins[name][~spikes[name]] > 0).all()
    first = next(iter(spikes))
    current = margins[first][0].max()  # that of the first step alone, in units of the threshold
    assert current > 0.5


def test_the_first_difference_is_found_in_order() -> None:
    """Two populations, three samples, four steps: what comes later does not count, whatever its margin is."""
    differs = [np.zeros((4, 3, 2), bool), np.zeros((4, 3, 5), bool)]
    margins = [np.full((4, 3, 2), 0.5), np.full((4, 3, 5), 0.25)]
    differs[1][1, 0, [2, 4]], margins[1][1, 0, 2], margins[1][1, 0, 4] = True, 1e-7, 2e-7
    differs[0][2, 0, 0] = True  # a step later
    differs[0][3, 2, 1] = differs[1][3, 2, 0] = True  # the same step, the population before
    assert first_margins(differs, margins) == [2e-7, 0.5]


def test_the_sentence_says_what_it_was() -> None:
    assert Verification("norse").explanation == ""
    rounded = Verification("norse", differing_samples=3, rounded_samples=3, first_margin=2e-7)
    assert "in each of the 3 samples" in rounded.explanation
    assert "within 2e-07 of its threshold: sums are rounded in another order" in rounded.explanation
    other = Verification("sinabs", differing_samples=3, rounded_samples=1, first_margin=0.4)
    assert "in 2 of 3 samples with spikes that differ" in other.explanation
    assert "no matter of rounding (up to 0.4 of the threshold)" in other.explanation
