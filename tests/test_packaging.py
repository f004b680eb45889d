"""The wheel and the sdist hold every file of the packages, and the demo runs from the wheel."""

import os
import subprocess
import sys
import tarfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"onnx2snn": ROOT / "onnx2snn", "onnx2snn_runtime": ROOT / "runtime" / "onnx2snn_runtime"}
PARENT = Path(find_spec("onnx").origin or "").parents[1]  # type: ignore[union-attr]
"""The folder with the dependencies."""


def run(*words: object, cwd: Path) -> str:
    """Run a command without the variables that lead Python elsewhere; return what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["ONNX2SNN_CACHE"] = str(cwd / "cache")
    done = subprocess.run(list(map(str, words)), cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def pip() -> list[str]:
    """Return the command of an interpreter that has pip: this one, or the one that its environment was made with."""
    for python in (sys.executable, getattr(sys, "_base_executable", sys.executable)):
        if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
            return [python, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    pytest.skip("there is no pip")


def environment(folder: Path) -> Path:
    """Make a virtual environment in `folder` and return its interpreter."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with an sdist of the tree, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    tools = environment(folder / "tools")
    run(*pip(), "--python", tools, "install", "-c", ROOT / "constraints.txt", "build", "hatchling", cwd=folder)
    run(tools, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


def sources() -> set[str]:
    """Return what a wheel has to hold: all tracked files of the packages."""
    found = set()
    for name, folder in PACKAGES.items():
        listed = subprocess.run(["git", "ls-files", "."], cwd=folder, capture_output=True, text=True, check=True)
        found |= {f"{name}/{file}" for file in listed.stdout.splitlines()}
    return found


@pytest.mark.slow
def test_wheel_and_sdist_hold_every_file_of_the_packages(built: Path) -> None:
    (wheel,), (sdist,) = built.glob("*.whl"), built.glob("*.tar.gz")
    wanted = sources()
    assert {"onnx2snn_runtime/kernels/scan.h", "onnx2snn/demo_data/digits_cnn.onnx", "onnx2snn/py.typed"} <= wanted
    with zipfile.ZipFile(wheel) as file:
        assert wanted - set(file.namelist()) == set()
        assert not [name for name in file.namelist() if name.startswith(("tests/", "models/", "benchmarks/"))]
    with tarfile.open(sdist) as file:
        inside = {name.split("/", 1)[1].removeprefix("runtime/") for name in file.getnames() if "/" in name}
    assert wanted - inside == set()


@pytest.mark.slow
def test_the_demo_runs_from_the_wheel_outside_the_checkout(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    python = environment(tmp_path / "venv")
    run(*pip(), "--python", python, "install", "--no-deps", wheel, cwd=tmp_path)
    (library,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (library / "dependencies.pth").write_text(f"{PARENT}\n")  # behind the wheel, and without .pth files of its own
    code = "import onnx2snn, onnx2snn_runtime; print(onnx2snn.__file__, onnx2snn_runtime.__file__)"
    where = run(python, "-c", code, cwd=tmp_path)
    assert all(Path(file).is_relative_to(library) for file in where.split())
    shown = run(tmp_path / "venv" / "bin" / "onnx2snn", "demo", "--output", "demo.snn.onnx", cwd=tmp_path)
    assert "accuracy" in shown
    assert (tmp_path / "demo.snn.onnx").exists()
