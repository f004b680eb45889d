"""Commands on data that are read batch by batch."""

import json
from pathlib import Path

import numpy as np
import pytest

from onnx2snn.data import for_model
from onnx2snn.data.for_model import open_data, read_few
from onnx2snn.evaluation.measuring import Measurer
from onnx2snn_runtime.loading import load
from tests.onnx2snn.cli.conftest import Converter, Invoke, Refused


@pytest.fixture
def parts(features: np.ndarray, tmp_path: Path) -> str:
    for i in range(4):
        np.savez(tmp_path / f"part{i}.npz", x=features[10 * i : 10 * i + 10], kind=np.arange(40)[10 * i :][:10] % 3)
    return str(tmp_path / "part{0..3}.npz")


def test_evaluate_on_parts_is_evaluate_on_the_whole(invoke: Invoke, ir_file: Path, data_file: Path, parts: str) -> None:
    words = ("evaluate", ir_file, "--timesteps", "1,4", "--batch-size", 16, "--json")
    whole = invoke(*words, "--data", data_file)
    streamed = invoke(*words, "--data", parts, "--labels", "kind", "--readers", 1)
    assert whole.exit_code == streamed.exit_code == 0, whole.output + streamed.output
    assert json.loads(streamed.stdout) == json.loads(whole.stdout)


def test_evaluate_goes_on_from_a_file(
    invoke: Invoke, refused: Refused, ir_file: Path, data_file: Path, tmp_path: Path
) -> None:
    words = ("evaluate", ir_file, "--data", data_file, "--resume", tmp_path / "done.json")
    first = invoke(*words)
    assert first.exit_code == 0, first.output
    assert invoke(*words).stdout == first.stdout
    assert "is of an evaluation with samples 40, not 10" in refused(*words, "--samples", 10)


def test_an_interruption_says_how_to_go_on(
    invoke: Invoke, ir_file: Path, data_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Measurer, "measure", interrupted)
    result = invoke("evaluate", ir_file, "--data", data_file, "--resume", tmp_path / "done.json")
    assert result.exit_code != 0
    assert "what is done is kept in" in result.stderr
    assert "done.json': the same command goes on from it" in result.stderr
    assert "is kept" not in invoke("evaluate", ir_file, "--data", data_file).stderr


def test_samples_are_taken_as_one_says(invoke: Invoke, ir_file: Path, parts: str) -> None:
    words = ("evaluate", ir_file, "--data", parts, "--labels", "kind", "--samples", 12, "--json")
    found = {how: invoke(*words, "--sampling", how).stdout for how in ("first", "spread", "random")}
    assert len(set(found.values())) == 3
    assert found["random"] == invoke(*words, "--sampling", "random", "--seed", 0).stdout
    assert found["random"] != invoke(*words, "--sampling", "random", "--seed", 1).stdout


def test_a_stream_without_a_number_of_samples_is_drawn_from(
    ir_file: Path, parts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(for_model, "MOST_BYTES", 6 * 16)
    stream = open_data(Path(parts), load(ir_file).proto, None, {}, labels="kind")
    told: list[str] = []
    assert read_few(stream, None, tell=told.append).count == 6
    assert told == [f"{parts!r} has 40 samples; 6 of them (1 GiB) are taken: see --samples"]
    assert read_few(stream, 8).count == 8


def test_calibration_from_parts(
    invoke: Invoke, converter: Converter, model_file: Path, features: np.ndarray, tmp_path: Path
) -> None:
    for i in range(4):
        np.savez(tmp_path / f"c{i}.npz", x=features[10 * i : 10 * i + 10])
    words = ("convert", model_file, "--calibration", tmp_path / "c{0..3}.npz", "--samples", 5, "--force")
    for more, expected in (((), features[:5]), (("--sampling", "spread"), features[[0, 10, 20, 29, 39]])):
        result = invoke(*words, *more)
        assert result.exit_code == 0, result.output
        np.testing.assert_array_equal(converter.calls[-1]["calibration"]["x"], expected)


def test_tune_on_parts(invoke: Invoke, ir_file: Path, parts: str) -> None:
    result = invoke("tune", ir_file, "--data", parts, "--labels", "kind", "--samples", 30, "--budget", 1, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["chosen"]["accuracy"] is not None
