"""Memory is measured in a process of its own, and a process that ends badly is a row that says so."""

import sys

import numpy as np
import pytest

import onnx2snn
from benchmarks import memory
from benchmarks.trained import TRAINED, calibration


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells the peak")
def test_a_cell_is_measured(tmp_path):
    onnx2snn.convert(TRAINED / "mnist_mlp.onnx", calibration(), adapt=False).save(tmp_path / "network.snn.onnx")
    np.save(tmp_path / "inputs.npy", calibration()[:2])
    row = memory.cell(tmp_path, 5, 2, "layer", 1, 1)
    assert 0 < row["above_warm"] < row["above_loaded"] < row["loaded"]
    assert row["seconds"] > 0
    assert "failed" in memory.cell(tmp_path, 5, 2, "none", 1, 1)


def row(timesteps, above, seconds, **more):
    return {"network": "net", "executor": "layer", "batch": 200, "timesteps": timesteps, "above_loaded": above,
            "above_warm": above, "seconds": seconds, **more}  # fmt: skip


def test_the_ratios_are_those_of_64_steps_over_8():
    rows = [row(8, 100 * memory.MIB, 1), row(64, 120 * memory.MIB, 8), row(8, 1, 1, batch=1024)]
    assert memory.ratios(rows) == ["| net | layer | 200 | 1.20 | 1.20 | 1.00 |"]
    assert memory.line(rows[0]) == "| net | layer | 200 | 8 | 100.0 | 512 | 125.00 |"
    failed = {"network": "net", "executor": "layer", "batch": 200, "timesteps": 64, "failed": "exit status -9"}
    assert memory.ratios([rows[0], failed]) == []
    assert "exit status -9" in memory.line(failed)
