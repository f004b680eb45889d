"""What timing returns; how long anything takes is not for a test."""

from pathlib import Path

import numpy as np
import pytest

import onnx2snn
from onnx2snn.timing import measure
from onnx2snn_runtime.errors import InputError

DEMO = Path(onnx2snn.__file__).parent / "demo_data"


@pytest.fixture(scope="module")
def network():
    x = np.load(DEMO / "digits_calibration.npz")["image"][:8]
    return onnx2snn.convert(DEMO / "digits_cnn.onnx", x, adapt=False), {"image": x}


def test_every_executor_stands_beside_onnxruntime(network):
    snn, inputs = network
    told = []
    found = measure(
        snn, inputs, timesteps=2, executors=["layer", "event"], repeats=2, progress=lambda *a: told.append(a)
    )
    assert set(found["seconds"]) == set(found["first_call"]) == {"onnxruntime", "layer", "event"}
    assert found["ratio"]["layer"] == found["seconds"]["layer"] / (2 * found["seconds"]["onnxruntime"])
    assert found["samples"] == 8
    assert len(told) == 9
    assert told[-1] == ("timing", 1.0)


def test_bad_input(network):
    snn, inputs = network
    with pytest.raises(InputError, match="repeats is 0: give 1 or more"):
        measure(snn, inputs, repeats=0)
