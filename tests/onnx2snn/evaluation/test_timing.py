"""What timing returns; how long anything takes is not for a test."""

from pathlib import Path

import numpy as np
import pytest

import onnx2snn
from onnx2snn.evaluation.timing import measure, profile
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


@pytest.mark.parametrize("executor", ["layer", "step", "event"])
def test_a_profile_sums_to_the_run(network, executor):
    snn, inputs = network
    told = []
    found = profile(snn, inputs, timesteps=3, executor=executor, repeats=3, progress=lambda *a: told.append(a))
    assert sum(found["totals"].values()) == pytest.approx(found["seconds"])
    assert list(found["totals"]) == ["population", "synapse", "readout", "rest"]
    assert all(seconds >= 0 for seconds in found["totals"].values())
    rows = found["rows"]
    assert [row["seconds"] for row in rows] == sorted((row["seconds"] for row in rows), reverse=True)
    assert sum(row["share"] for row in rows) == pytest.approx(1 - found["totals"]["rest"] / found["seconds"])
    populations = [row for row in rows if row["kind"] == "population"]
    assert {row["name"] for row in populations} == set(snn.population_names())
    assert {(row["type"], *row["operators"]) for row in populations} == {("SpikingRegion1", "Relu", "MaxPool")}
    others = [row["type"] for row in rows if row["kind"] == "synapse"]
    assert sorted(others) == ["Conv", "Conv", "Flatten", "Gemm"]
    assert (found["samples"], found["timesteps"], found["executor"]) == (8, 3, executor)
    assert told[-1] == ("profile", 1.0)


def test_a_run_with_early_exit_has_a_profile(network):
    snn, inputs = network
    found = profile(snn, inputs, repeats=1, early_exit="stable", exit_every=2)
    assert len(found["rows"]) == 6


def test_bad_input(network):
    snn, inputs = network
    with pytest.raises(InputError, match="repeats is 0: give 1 or more"):
        profile(snn, inputs, repeats=0)
    with pytest.raises(InputError, match="whose parts cannot be timed: profile a run without it"):
        profile(snn, inputs, cuda_graphs="auto")
    with pytest.raises(InputError, match="repeats is 0: give 1 or more"):
        measure(snn, inputs, repeats=0)


@pytest.mark.gpu
def test_a_profile_on_a_gpu(network):
    snn, inputs = network
    found = profile(onnx2snn.SpikingModel(snn.proto).to("cuda"), inputs, timesteps=3, repeats=1)
    assert len(found["rows"]) == 6
    assert sum(found["totals"].values()) == pytest.approx(found["seconds"])
