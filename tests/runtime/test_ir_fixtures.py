"""Files that earlier releases wrote load, and give what they gave: see tests/fixtures/ir_v1/README.md."""

from pathlib import Path

import numpy as np
import pytest

from onnx2snn_runtime.loading import load
from tests.fixtures.ir_v1.make import CASES, TIMESTEPS

FOLDER = Path(__file__).parents[1] / "fixtures" / "ir_v1"
TOLERANCE = 1e-12


def test_every_case_has_its_file():
    assert {path.name.removesuffix(".snn.onnx") for path in FOLDER.glob("*.snn.onnx")} == set(CASES)


@pytest.mark.parametrize("executor", ["layer", "step", "event"])
@pytest.mark.parametrize("name", sorted(CASES))
def test_a_file_of_version_1_gives_the_same_outputs(name, executor):
    held = np.load(FOLDER / f"{name}.npz")
    snn = load(FOLDER / f"{name}.snn.onnx").double()
    run = snn.run(held["x"].astype(np.float64), timesteps=TIMESTEPS, executor=executor)
    for t in TIMESTEPS:
        np.testing.assert_allclose(run.outputs[t], held[f"T{t}"], rtol=TOLERANCE, atol=TOLERANCE)
        assert run.events[t] == held[f"events{t}"]
