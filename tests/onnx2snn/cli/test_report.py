"""onnx2snn report, and what `evaluate` and `bench` show elsewhere."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.onnx2snn.cli.conftest import Invoke

Refused = Callable[..., str]


def test_report(invoke: Invoke, ir_file: Path, data_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    page = tmp_path / "r.html"
    result = invoke("report", ir_file, "-d", data_file, "-o", page, "--timesteps", "1,2", "--samples", 9)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"written: {page} (")
    text = page.read_text()
    assert "<title>net.snn.onnx: onnx2snn report</title>" in text
    found = json.loads(invoke("report", ir_file, "-d", data_file, "-o", page, "--force", "--json").stdout)
    assert (found["samples"], list(found["timesteps"])) == (40, ["1", "2", "4", "8"])


def test_evaluate_writes_a_page_and_its_figures_are_the_same(
    invoke: Invoke, ir_file: Path, data_file: Path, tmp_path: Path
) -> None:
    pytest.importorskip("plotly")
    words = ("evaluate", ir_file, "-d", data_file, "--timesteps", "1,4", "--by-layer", "--json")
    plain = json.loads(invoke(*words).stdout)
    assert json.loads(invoke(*words, "--report", tmp_path / "r.html").stdout) == plain
    assert (tmp_path / "r.html").stat().st_size > 1e6


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_pictures(invoke: Invoke, ir_file: Path, data_file: Path, tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("matplotlib")
    file = tmp_path / f"a.{suffix}"
    result = invoke("evaluate", ir_file, "-d", data_file, "--timesteps", "1,2", "--plot", file)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == f"written: {file}"
    assert file.stat().st_size > 1000
    bench = invoke("bench", ir_file, "--timesteps", 1, "--repeats", 1, "--plot", tmp_path / f"b.{suffix}")
    assert bench.exit_code == 0, bench.output
    assert (tmp_path / f"b.{suffix}").stat().st_size > 1000


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard(invoke: Invoke, ir_file: Path, data_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    result = invoke("evaluate", ir_file, "-d", data_file, "--timesteps", "1,2", "--tensorboard", tmp_path / "t")
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "t").glob("events.out.tfevents.*"))) == 1


def test_what_cannot_be_written_is_said_before_any_work(
    refused: Refused, ir_file: Path, data_file: Path, tmp_path: Path
) -> None:
    words = ("evaluate", ir_file, "-d", data_file)
    assert "is read and cannot be written too" in refused(*words, "--report", data_file)
    (tmp_path / "there.html").write_text("mine")
    assert "exists: choose another path" in refused(*words, "--report", tmp_path / "there.html")
    assert "give one of --report and --resume" in refused(
        *words, "--report", tmp_path / "r.html", "--resume", tmp_path / "resume"
    )
    assert "is no picture" in refused(*words, "--plot", tmp_path / "a.gif")
    assert "exists: choose another path" in refused("report", *words[1:], "-o", tmp_path / "there.html")
    assert (tmp_path / "there.html").read_text() == "mine"
