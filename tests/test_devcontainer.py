"""The container for development: its files fit each other, and its steps install the package."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".devcontainer"


def test_the_files_fit_each_other() -> None:
    settings = json.loads((FOLDER / "devcontainer.json").read_text())
    dockerfile = (FOLDER / settings["build"]["dockerfile"]).read_text()
    assert set(settings["build"]["args"]) <= set(re.findall(r"^ARG (\w+)", dockerfile, re.MULTILINE))
    for source in re.findall(r"^COPY (\S+) ", dockerfile, re.MULTILINE):
        assert (ROOT / source).exists()
    steps = re.findall(r"install\.sh (\w+)", dockerfile + settings["postCreateCommand"])
    assert set(steps) == {"system", "package"}
    subprocess.run(["bash", "-n", str(FOLDER / "install.sh")], check=True)


def test_a_step_that_does_not_exist_is_refused() -> None:
    done = subprocess.run(["bash", str(FOLDER / "install.sh"), "all"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "usage: install.sh system|package\n")


@pytest.mark.slow
def test_the_steps_install_the_package(tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    environment = clean | {"VENV": str(tmp_path / "venv"), "DEVICE": "cpu"}
    words = ["bash", str(FOLDER / "install.sh"), "package"]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "digits_cnn: 360 samples" in done.stdout
    assert (tmp_path / "venv" / "bin" / "pytest").exists()
