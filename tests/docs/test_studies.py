"""The page on studies shows the study that is there, and the figures that came of it."""

import csv
import re
import shlex
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.mnist_study import write
from onnx2snn.cli import main
from onnx2snn.study.jobs import jobs
from onnx2snn.study.spec import KEYS, read_study

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "studies.md").read_text()
STUDY = ROOT / "docs" / "studies" / "mnist.yaml"


def test_the_file_on_the_page_is_the_file() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert shown == STUDY.read_text()


def test_the_study_has_the_cells_of_the_table(tmp_path: Path) -> None:
    study = read_study(write(tmp_path))
    with np.load(tmp_path / "test.npz") as data:
        assert len(data["image"]) == 500
    cells = [(job.subject.name, job.payload, str(t), str(job.seed)) for job in jobs(study) for t in job.timesteps]
    with (STUDY.parent / "mnist.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(r["model"], r["payload"], r["timesteps"], r["seed"]) for r in rows] == cells
    assert not any(row["error"] for row in rows)
    shown = re.findall(r"^\| (\w+) \| ([\w= ]+) \| (\d.*) \|$", PAGE, re.MULTILINE)
    figures = [(m, p, pair) for m, p, pairs in shown for pair in pairs.split(" | ")]
    assert figures == [
        (r["model"], r["payload"], f"{100 * float(r['accuracy']):.1f}, {float(r['energy_int8']):.2f}") for r in rows
    ]


def test_every_key_is_on_the_page() -> None:
    table = PAGE.split("| key | meaning |")[1].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", table)) >= set(KEYS)


def test_the_options_of_the_commands_on_the_page_exist() -> None:
    code = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
    lines = [shlex.split(line, comments=True) for line in code.splitlines() if line.startswith("onnx2snn ")]
    assert {words[1] for words in lines} == {"evaluate", "study", "tune"}
    for _, name, *words in lines:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        command.make_context(name, list(words), resilient_parsing=True)
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.slow
def test_a_small_part_of_the_study_runs(tmp_path: Path) -> None:
    path = write(tmp_path, 64, 96)
    text = path.read_text().replace("[1, 2, 4, 8, 16, 32]", "[1, 2]").replace("budget: 60", "adapt: false")
    path.write_text(text)
    done = CliRunner().invoke(main, ["study", str(path), "--no-pictures"])
    assert done.exit_code == 0, done.output
    assert "mnist: 24 of 24 cells, 0 failed" in done.stdout
