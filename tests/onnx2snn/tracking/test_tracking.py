"""What TensorBoard and Weights & Biases are given, read back by their own libraries where these are installed."""

import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnx2snn.data.readers import Samples
from onnx2snn.evaluation.evaluation import evaluate
from onnx2snn.tracking.scalars import scalars, settings
from onnx2snn.tracking.tensorboard import write_tensorboard
from onnx2snn.tracking.weights_and_biases import log_wandb
from onnx2snn_runtime.errors import InputError
from tests.runtime.networks import CNN, network, sample


@pytest.fixture
def found() -> dict[str, Any]:
    snn = network(CNN, timesteps=2)
    return evaluate(snn, Samples(sample(snn, 12), np.arange(12) % 3, 12), [1, 4])


def test_scalars(found: dict[str, Any]) -> None:
    made = scalars(found)
    assert list(made) == [1, 4]
    assert made[4]["accuracy"] == found["timesteps"]["4"]["accuracy"]
    assert made[4]["energy/int8"] == found["energy"]["int8"]["4"]["ratio"]
    assert "cosine" not in made[4]
    assert "energy/fp32" not in scalars({**found, "energy": None})[1]
    assert settings(found)["samples"] == 12


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_reads_it_back(found: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write_tensorboard(found, tmp_path / "events")
    events = EventAccumulator(str(tmp_path / "events"))
    events.Reload()
    for name, value in scalars(found)[4].items():
        points = events.Scalars(name)
        assert [point.step for point in points] == [1, 4]
        assert points[-1].value == pytest.approx(value, rel=1e-6)
    assert "evaluation/text_summary" in events.Tags()["tensors"]


def test_a_file_is_no_folder(found: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(InputError, match="is no folder"):
        write_tensorboard(found, tmp_path / "a")


class Run:
    """A stand-in for a run of wandb that records what it is given."""

    def __init__(self, **options: Any) -> None:
        self.options, self.rows, self.summary, self.finished = (
            options,
            list[dict[str, float]](),
            dict[str, float](),
            False,
        )

    def define_metric(self, *_: Any, **__: Any) -> None:
        """Take in the axis of the curves."""

    def log(self, row: dict[str, float]) -> None:
        self.rows.append(row)

    def finish(self) -> None:
        self.finished = True


def test_what_weights_and_biases_is_given(found: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording stand-in, for where wandb is not installed; the next test runs the package itself."""
    runs: list[Run] = []
    module = types.ModuleType("wandb")
    module.init = lambda **options: runs.append(Run(**options)) or runs[-1]  # type: ignore[attr-defined, func-returns-value]
    monkeypatch.setitem(sys.modules, "wandb", module)
    log_wandb(found, "mine")
    (run,) = runs
    assert (run.options["project"], run.options["config"]["samples"], run.finished) == ("mine", 12, True)
    assert [row["T"] for row in run.rows] == [1, 4]
    assert run.rows[1] == {"T": 4, **scalars(found)[4]}
    assert run.summary == scalars(found)[4]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_wandb_offline(found: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    for name, value in {"WANDB_MODE": "offline", "WANDB_DIR": str(tmp_path), "WANDB_SILENT": "true"}.items():
        monkeypatch.setenv(name, value)
    log_wandb(found, "mine")
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    (log,) = folder.glob("*.wandb")
    data = log.read_bytes()
    assert b"relative_error" in data
    assert json.dumps(scalars(found)[4]["relative_error"])[:8].encode() in data


@pytest.mark.parametrize(("module", "extra"), [("tensorboard", "tensorboard"), ("wandb", "wandb")])
def test_what_is_not_installed_is_said(
    found: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, extra: str
) -> None:
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf"pip install 'onnx2snn\[{extra}\]'"):
        write_tensorboard(found, tmp_path / "a") if module == "tensorboard" else log_wandb(found, "p")
