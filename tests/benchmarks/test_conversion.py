"""The processor time of a conversion by stage."""

import os
from pathlib import Path

import numpy as np
import onnx
from click.testing import CliRunner

from benchmarks import conversion
from onnx2snn.completion import Completion
from tests.onnx2snn.fitting.test_adaptation import DEEP
from tests.onnx2snn.passes.rewriting import model


def test_the_stages_make_up_the_whole(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    onnx.save(model(DEEP), file)
    before = Completion.adapt
    spent = conversion.measure(file, np.random.default_rng(1).normal(size=(32, 6)).astype(np.float32))
    assert list(spent) == [*conversion.STAGES, "in all"]
    assert Completion.adapt is before
    stages = [seconds for stage, seconds in spent.items() if stage != "in all"]
    assert spent["adaptation"] > 0
    assert min(stages) >= 0
    assert 0.5 * spent["in all"] < sum(stages) <= spent["in all"] + 0.1


def test_the_time_of_another_process() -> None:
    assert conversion._of(os.getpid()) > 0
    assert conversion._of(2**30) == 0


def test_what_is_not_there_is_left_out(tmp_path: Path) -> None:
    found = CliRunner().invoke(conversion.main, ["--real", str(tmp_path), "--networks", "minilm"])
    assert found.exit_code == 0
    assert "minilm is left out" in found.output
