"""Studies: rows as they come, what is missing, what fails, and the table in the end."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from onnx2snn.study.conducting import Conductor, here
from onnx2snn.study.jobs import Job
from onnx2snn.study.pictures import draw, need_matplotlib
from onnx2snn.study.results import Results
from onnx2snn.study.running import failed_rows
from onnx2snn.study.spec import read_study
from onnx2snn.study.table import means, write_parquet
from onnx2snn_runtime.errors import InputError
from tests.onnx2snn.cli.conftest import Invoke, Refused

STUDY = """
models: [net.onnx]
data: test.npz
calibration: test.npz
payloads: [graded, power]
timesteps: [1, 4]
seeds: [0, 1]
calibration_samples: 24
convert: {adapt: false}
"""


LABELS = np.arange(40) % 3


@pytest.fixture
def make(network: onnx.ModelProto, features: np.ndarray, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a study into a folder of its own."""

    def write(name: str, more: str = "", labels: Any = LABELS) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        onnx.save(network, folder / "net.onnx")
        np.savez(folder / "test.npz", x=features, **({} if labels is None else {"labels": labels}))
        (folder / "s.yaml").write_text(STUDY + more)
        return folder / "s.yaml"

    return write


def conducted(path: Path, runner: Any = here, **how: bool) -> Conductor:
    conductor = Conductor(read_study(path))
    conductor.open(how.get("resume", False), how.get("force", False))
    conductor.run(runner, how.get("retry", False))
    conductor.write(pictures=False)
    return conductor


def test_a_row_for_every_cell_with_what_made_it(make: Callable[..., Path]) -> None:
    done = conducted(make("a"))
    assert len(done.rows) == done.cells == 8
    row = done.rows[-1]
    assert (row["model"], row["payload"], row["seed"], row["timesteps"], row["error"]) == ("net", "power", 1, 4, None)
    assert row["made_by"]["settings"]["payload"] == "power"
    assert row["made_by"]["settings"]["seed"] == 1
    assert {"onnx2snn", "python", "torch", "numpy"} <= row["made_by"]["versions"].keys()
    assert row["agreement"] > 0.9
    with (done.folder / "table.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [(r["payload"], r["seed"], r["timesteps"]) for r in table[:3]] == [
        ("graded", "0", "1"), ("graded", "0", "4"), ("graded", "1", "1")]  # fmt: skip
    assert "| net | graded | 1 |" in (done.folder / "table.md").read_text()


class Breaks:
    """Runs so many jobs, the last first, and is interrupted."""

    def __init__(self, after: int) -> None:
        self.after, self.given = after, 0

    def __call__(self, waiting: Sequence[Job]) -> Iterator[tuple[Job, list[dict[str, Any]]]]:
        self.given = sum(len(job.timesteps) for job in waiting)
        for i, done in enumerate(here(waiting[::-1])):
            if i == self.after:
                raise KeyboardInterrupt
            yield done


def test_an_interrupted_study_goes_on_and_ends_with_the_same_table(make: Callable[..., Path]) -> None:
    expected = (conducted(make("whole")).folder / "table.csv").read_text()
    path, second = make("broken"), Breaks(9)
    with pytest.raises(KeyboardInterrupt):
        conducted(path, Breaks(1))
    with pytest.raises(InputError, match=r"results\.jsonl' has results of before: go on with --resume, or begin anew"):
        conducted(path)
    results = path.parent / "s" / "results.jsonl"
    with results.open("a") as file:
        file.write('{"key": "cut o')  # the process died while it wrote
    done = conducted(path, second, resume=True)
    assert second.given == 6
    assert (done.folder / "table.csv").read_text() == expected
    assert len(results.read_text().splitlines()) == 8
    again = Breaks(9)
    conducted(path, again, resume=True)
    assert again.given == 0
    conducted(path, again, force=True)
    assert again.given == 8


def test_a_cell_that_fails_is_a_row_that_says_why(make: Callable[..., Path]) -> None:
    path = make("bad", labels=np.full(40, 9))
    done = conducted(path)
    assert len(done.rows) == 8
    assert all("the labels go up to 9, and the model tells 3 classes apart" in row["error"] for row in done.rows)
    assert means(done.rows)[0]["error"] == done.rows[0]["error"]
    make("bad")  # mended
    rest = Breaks(9)
    conducted(path, rest, resume=True)
    assert rest.given == 0
    mended = conducted(path, rest, resume=True, retry=True)
    assert rest.given == 8
    assert not any(row["error"] for row in mended.rows)


def test_one_bad_model_leaves_the_others(make: Callable[..., Path]) -> None:
    path = make("two")
    (path.parent / "bad.onnx").write_bytes(b"no model")
    path.write_text(path.read_text().replace("[net.onnx]", "[bad.onnx, net.onnx]"))
    rows = conducted(path).rows
    assert ["bad.onnx" in (row["error"] or "") for row in rows] == [True] * 8 + [False] * 8


def test_means_over_seeds(make: Callable[..., Path]) -> None:
    rows = conducted(make("a")).rows
    found = means(rows)
    assert len(found) == 4
    first = [row["relative_error"] for row in rows if (row["payload"], row["timesteps"]) == ("graded", 1)]
    assert found[0]["relative_error"] == pytest.approx(np.mean(first))
    assert found[0]["relative_error_range"] == (min(first), max(first))
    failed = failed_rows(Conductor(read_study(make("a"))).jobs[0], "why")[0]
    assert means([rows[0], failed])[0]["seeds"] == 1


def test_a_file_that_holds_something_else(make: Callable[..., Path]) -> None:
    path = make("a")
    (path.parent / "s").mkdir()
    (path.parent / "s" / "results.jsonl").write_text('{"key": 1}\n')
    with pytest.raises(InputError, match=r"line 1 of '.*results\.jsonl' is no cell of a study"):
        conducted(path, resume=True)
    (path.parent / "s" / "results.jsonl").unlink()
    (path.parent / "s").rmdir()
    (path.parent / "s").write_text("a file")
    with pytest.raises(InputError, match=r"s' is no folder: choose another 'output'"):
        conducted(path)


def test_rows_are_on_the_disk_as_they_come(tmp_path: Path) -> None:
    results = Results(tmp_path / "r.jsonl")
    results.add([{"key": "a", "model": "m", "timesteps": 1, "error": "no"}])
    results.add([{"key": "a", "model": "m", "timesteps": 1, "error": None}])
    read = Results(results.path)
    read.read()
    assert read.latest()["a"]["error"] is None


def test_the_command(invoke: Invoke, refused: Refused, make: Callable[..., Path]) -> None:
    path = make("a")
    result = invoke("study", path, "--no-pictures")
    assert result.exit_code == 0, result.output
    assert "s: 8 of 8 cells, 0 failed" in result.stdout
    assert "net, power, seed 1: 2 cells; 8 of 8 in" in result.stderr
    assert "go on with --resume" in refused("study", path, "--no-pictures")
    shown = json.loads(invoke("study", path, "--no-pictures", "--resume", "--json").stdout)
    assert len(shown["rows"]) == 8


def test_without_the_packages(monkeypatch: pytest.MonkeyPatch, make: Callable[..., Path], refused: Refused) -> None:
    import sys

    path = make("a")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"pip install 'onnx2snn\[plots\]', or leave out --pictures"):
        need_matplotlib()
    with pytest.raises(InputError, match=r"Parquet is written by pyarrow, .*pip install 'onnx2snn\[streams\]'"):
        write_parquet([], path.parent / "x.parquet")
    assert "--ray needs the package ray" in refused("study", path, "--no-pictures", "--ray")
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert "pip install 'onnx2snn[study]'" in refused("study", path, "--no-pictures")


@pytest.mark.slow
def test_pictures_and_parquet(make: Callable[..., Path], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra study")
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra streams")
    rows = conducted(make("a")).rows
    for file in draw(means(rows), tmp_path):
        assert file.read_bytes().startswith(b"\x89PNG")
    assert draw([{**means(rows)[0], "error": "why"}], tmp_path) == []
    write_parquet(rows, tmp_path / "x.parquet")
    read = parquet.read_table(tmp_path / "x.parquet").to_pylist()
    assert [row["agreement"] for row in read] == [row["agreement"] for row in rows]
    assert json.loads(read[0]["made_by"]) == rows[0]["made_by"]
