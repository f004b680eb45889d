"""The code of the pages runs, their commands work, and their links lead somewhere."""

import re
import shlex
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import onnx2snn
from models import networks
from onnx2snn.cli import main
from onnx2snn_runtime.dynamics.base import DYNAMICS
from onnx2snn_runtime.encoders.base import ENCODERS
from onnx2snn_runtime.kernels.base import KERNELS
from onnx2snn_runtime.ops import _VERSIONS
from onnx2snn_runtime.probing.energy import Arithmetic, read_profile
from onnx2snn_runtime.schedules.base import SCHEDULES

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "examples/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
REGISTRIES = (DYNAMICS, ENCODERS, KERNELS, SCHEDULES, _VERSIONS, networks)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, which holds what a reader of the README has: a model and data."""
    data = resources.files("onnx2snn") / "demo_data"
    (tmp_path / "model.onnx").write_bytes((data / "digits_cnn.onnx").read_bytes())
    with resources.as_file(data / "digits_test.npz") as path, np.load(path) as file:
        arrays = {name: file[name][:32] for name in file.files}
    np.savez(tmp_path / "test.npz", **arrays)
    for name in ("data.npz", "x.npz"):
        np.savez(tmp_path / name, image=arrays["image"])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away again what a page registers."""
    for registry in REGISTRIES:
        registry.discover()
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """Return the code blocks of `page`, with the line that each begins on."""
    text = page.read_text()
    found = re.finditer(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [(text[: match.start(1)].count("\n"), match.group(1)) for match in found]


def execute(page: Path, names: dict[str, Any]) -> dict[str, Any]:
    """Run the Python of `page` from top to bottom; a traceback names the page and its line."""
    for line, code in blocks(page, "python"):
        exec(compile("\n" * line + code, str(page), "exec"), names)
    return names


def test_the_python_of_the_readme(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    execute(ROOT / "README.md", {})
    assert "SpikingRegion1//" in capsys.readouterr().out


def test_the_page_on_python(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    execute(ROOT / "docs" / "python.md", {})
    assert "the input 'image' has the shape (32, 1, 4, 8), the model takes (any, 1, 8, 8)" in capsys.readouterr().out


def test_the_example_of_the_page_on_diagnosis(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.load("test.npz")["image"]
    snn = onnx2snn.convert("model.onnx", x, adapt=False)
    names = execute(ROOT / "docs" / "diagnose.md", {"snn": snn, "x": x})
    assert names["found"].healthy
    assert names["found"].error == names["found"].mended < 0.01


def test_the_figures_of_the_page_on_reports(folder: Path) -> None:
    pytest.importorskip("matplotlib")
    with np.load("test.npz") as file:
        x, labels = file["image"], file["labels"]
    snn = onnx2snn.convert("model.onnx", x, adapt=False)
    execute(ROOT / "docs" / "report.md", {"snn": snn, "x": x, "labels": labels})
    assert all((folder / name).stat().st_size for name in ("accuracy.pdf", "energy.pdf", "raster.svg", "traces.svg"))


def test_the_example_of_the_page_on_figures(tmp_path: Path) -> None:
    page = ROOT / "docs" / "honest-figures.md"
    names = execute(page, {})
    assert names["fp32"].ratio < 0.5
    ((_, profile),) = blocks(page, "toml")
    (tmp_path / "mine.toml").write_text(profile)
    assert read_profile(tmp_path / "mine.toml").int8 == Arithmetic(0.07, 0.03)


@pytest.mark.filterwarnings("ignore:.*TorchScript-based ONNX export", "ignore:.*feature will be removed")
def test_the_page_on_converting(folder: Path) -> None:
    execute(ROOT / "docs" / "convert.md", {})
    result = CliRunner().invoke(main, ["convert", "net.onnx", "--calibration", "data.npz"])
    assert result.exit_code == 0, result.output


def test_the_page_on_extending(folder: Path, registries: None) -> None:
    with np.load("data.npz") as data:
        x = data["image"]
    snn = onnx2snn.convert("model.onnx", calibration=x, adapt=False)
    names = execute(
        ROOT / "docs" / "extending.md", {"np": np, "onnx2snn": onnx2snn, "torch": torch, "x": x, "snn": snn}
    )
    assert len(names) > 30


def test_the_commands_of_the_readme(folder: Path) -> None:
    code = "\n".join(code for _, code in blocks(ROOT / "README.md", "sh"))
    lines = [shlex.split(line, comments=True) for line in code.splitlines() if line.startswith("onnx2snn ")]
    assert [words[1] for words in lines] == [
        *("inspect", "convert", "evaluate", "evaluate", "diagnose", "report", "run", "bench")
    ]
    for _, *words in lines:
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 0, f"{words}: {result.output}"
    assert (folder / "y.npz").exists()


def test_the_page_on_speed(folder: Path) -> None:
    with np.load("data.npz") as data:
        x = data["image"]
    snn = onnx2snn.convert("model.onnx", calibration=x, adapt=False)
    snn.save("model.snn.onnx")
    code = "".join(code for _, code in blocks(ROOT / "docs" / "gpu.md", "sh"))
    for line in code.splitlines():
        result = CliRunner().invoke(main, shlex.split(line)[1:])
        assert result.exit_code == 0, f"{line}: {result.output}"
    with np.load("y.npz") as written:
        assert "steps_taken" in written.files
    assert "found" in execute(ROOT / "docs" / "gpu.md", {"snn": snn, "x": x})


def test_the_first_five_minutes(folder: Path) -> None:
    page = ROOT / "docs" / "start.md"
    lines = [line for _, code in blocks(page, "sh") for line in code.splitlines() if line.startswith("onnx2snn ")]
    for line in lines:
        result = CliRunner().invoke(main, shlex.split(line)[1:])
        assert result.exit_code == 0, f"{line}: {result.output}"
    assert len(lines) == 5
    assert execute(page, {})["y"].shape == (32, 10)


def test_the_page_on_collapsed_accuracy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = execute(ROOT / "docs" / "howto" / "collapsed-accuracy.md", {})
    assert max(names["snn"].run(255 * names["x"]).saturated.values()) > 0.1
    assert "SpikingRegion" in capsys.readouterr().out


def test_the_page_on_hardware_profiles(folder: Path) -> None:
    page = ROOT / "docs" / "howto" / "hardware-profile.md"
    onnx2snn.convert("model.onnx", calibration=np.load("x.npz")["image"], adapt=False).save("model.snn.onnx")
    ((_, profile),), ((_, line),) = blocks(page, "toml"), blocks(page, "sh")
    Path("chip.toml").write_text(profile)
    result = CliRunner().invoke(main, shlex.split(line)[1:])
    assert result.exit_code == 0, result.output
    assert "my chip, measured 2026" in result.output
    assert execute(page, {})["profile"].int8 == Arithmetic(0.07, 0.03)


def test_the_page_on_export(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(folder)  # as of a script there
    with np.load("data.npz") as data:
        x = data["image"]
    snn = onnx2snn.convert("model.onnx", calibration=x, adapt=False)
    snn.save("model.snn.onnx")
    names = execute(ROOT / "docs" / "export.md", {"x": x})
    assert np.abs(np.asarray(names["answer"]) - snn(x, timesteps=4)).max() < 1e-3
    assert set(names["spikes"]) == set(names["sent"]) == set(snn.population_names())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (page.parent / target).exists(), target


def test_the_index_names_every_page() -> None:
    text = (ROOT / "docs" / "index.md").read_text()
    missing = [page for page in PAGES if f"{page.name})" not in text and page.name != "index.md"]
    assert [page for page in missing if page.parent.name not in ("tutorials", "reference")] == []


def test_the_errors_that_the_page_names_are_there() -> None:
    text = (ROOT / "docs" / "python.md").read_text()
    named = set(re.findall(r"`(\w+Error)`", text)) - {"ValueError", "LookupError"}
    assert named == {name for name in onnx2snn.__all__ if name.endswith("Error")}
