"""onnx2snn stream."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import onnx2snn
from onnx2snn_runtime.loading import load
from tests.onnx2snn.cli.conftest import Invoke
from tests.onnx2snn.fitting.sequences.test_tuning import PLAIN, X, moving


@pytest.fixture
def files(tmp_path: Path) -> Path:
    snn = onnx2snn.convert(PLAIN, X, encoder="differential", adapt=False, timesteps=1)
    snn.save(tmp_path / "net.snn.onnx")
    np.savez(tmp_path / "frames.npz", x=moving(2))
    return tmp_path


def test_outputs_and_figures(invoke: Invoke, files: Path) -> None:
    words = ("stream", files / "net.snn.onnx", "-i", files / "frames.npz")
    result = invoke(*words, "-o", files / "y.npz", "--report", files / "stream.json", "--json")
    assert result.exit_code == 0, result.output
    found, report = json.loads(result.stdout), json.loads((files / "stream.json").read_text())
    stream = load(files / "net.snn.onnx").stream(operations=True)
    operations = []
    for t, frame in enumerate(moving(2)):
        y = stream(frame)
        np.testing.assert_array_equal(np.load(files / "y.npz")["y"][t], y)
        operations.append(stream.last.operations.synaptic_operations / 2)
        assert report["frames"][t]["operations"] == pytest.approx(operations[-1])
        assert report["frames"][t]["silent_by_population"] == pytest.approx(stream.last.silent_by_population)
    assert found["frames"] == 16
    assert found["operations"] == pytest.approx(np.mean(operations)) == report["mean"]["operations"]
    assert found["times_fewer"] == pytest.approx(found["dense"] / found["operations"])
    assert found["energy_int8_dense"] == pytest.approx(found["dense"] * 0.3e-6)


def test_the_table_lines_and_the_page(invoke: Invoke, files: Path) -> None:
    words = ("stream", files / "net.snn.onnx", "-i", files / "frames.npz", "--show-every", 8, "--frames", 9)
    result = invoke(*words, "-o", files / "y.jsonl", "--report", files / "stream.html", "--timesteps", 2)
    assert result.exit_code == 0, result.output
    titles = [line.split("  ")[0] for line in result.stdout.splitlines()]
    assert [title for title in titles if title and title != "frames"][:3] == ["1", "1 to 8", "all 9"]
    lines = [json.loads(line) for line in (files / "y.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(1, 10))
    assert np.shape(lines[0]["outputs"]["y"]) == (2, 3)
    page = (files / "stream.html").read_text()
    assert "<svg" in page
    assert "times fewer" in page
    for name in load(files / "net.snn.onnx").population_names():
        assert name in page


def test_without_operations_and_with_cuts(invoke: Invoke, files: Path) -> None:
    x = moving(1)
    x[8:] *= -5
    np.savez(files / "jump.npz", x=x)
    words = ("stream", files / "net.snn.onnx", "-i", files / "jump.npz", "--reset-above", 2.0, "--json")
    result = invoke(*words, "--no-operations", "--report", files / "stream.html")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["operations"] is None
    assert found["reset"] == 1
    assert found["events"] > 0


def test_unsure_frames_are_refined(invoke: Invoke, files: Path) -> None:
    words = ("stream", files / "net.snn.onnx", "-i", files / "frames.npz", "--json")
    found = [json.loads(invoke(*words, "--coarse", 4, "--margin", margin).stdout) for margin in (0, 2, 1e9)]
    assert 0 == found[0]["refined"] < found[1]["refined"] < found[2]["refined"] == 1
    assert found[0]["operations"] < found[1]["operations"] < found[2]["operations"]


def test_refusals(refused: Callable[..., str], files: Path) -> None:
    words = ("stream", files / "net.snn.onnx", "-i")
    assert "there is no file or folder" in refused(*words, files / "none.mp4")
    assert "neither .npz nor .jsonl" in refused(*words, files / "frames.npz", "-o", files / "y.csv")
    assert "neither .html nor .json" in refused(*words, files / "frames.npz", "--report", files / "y.csv")


def test_a_network_that_was_not_made_for_streams(invoke: Invoke, files: Path) -> None:
    onnx2snn.convert(PLAIN, X, adapt=False, timesteps=1).save(files / "still.snn.onnx")
    words = ("-i", files / "frames.npz", "--show-every", 4, "--frames", 8)
    fitted, still = (invoke("stream", files / f"{name}.snn.onnx", *words) for name in ("net", "still"))
    assert "convert the model with --stream" in still.stderr
    assert fitted.stderr == ""
    heads = [line for line in fitted.stdout.splitlines() if line.startswith("frames")]
    assert len(heads) == 2  # of the lines that come one by one, and of all frames
