"""The rules of the project, held by tests: style, types, import direction, pinned dependencies."""

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def run(*words: str) -> None:
    """Run a Python module over the tree; a failure shows what it printed."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "runtime")])
    environment = os.environ | {"PYTHONPATH": paths, "NO_COLOR": "1"}
    done = subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"


def test_ruff_check() -> None:
    run("-m", "ruff", "check", ".")


def test_ruff_format() -> None:
    run("-m", "ruff", "format", "--check", ".")


def test_mypy() -> None:
    run("-m", "mypy")


def test_imports_point_one_way() -> None:
    run("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache")


@pytest.mark.parametrize("package", ["onnx2snn.passes", "onnx2snn_runtime.ir"])
def test_no_torch_is_brought_in(package: str) -> None:
    run(
        "-c",
        f"""if True:
        import importlib, pkgutil, sys
        root = importlib.import_module({package!r})
        names = [module.name for module in pkgutil.walk_packages(root.__path__, {package + "."!r})]
        assert len(names) > 4, names
        for name in names:
            importlib.import_module(name)
            assert "torch" not in sys.modules, name""",
    )


@pytest.mark.parametrize("module", ["onnx2snn", "onnx2snn_runtime", "onnx2snn.cli"])
def test_the_front_doors_open_at_once(module: str) -> None:
    run("-c", f"import {module}, sys; assert not {{'torch', 'onnxruntime', 'onnx_graphsurgeon'}} & set(sys.modules)")


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().split()
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def installed_with(requirements: list[str], extra: str = "") -> dict[str, str]:
    """Return the versions of everything that `requirements` bring, here, by name."""
    found: dict[str, str] = {}
    queue = [(Requirement(text), extra) for text in requirements]
    while queue:
        requirement, extra = queue.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        if name not in found:
            found[name] = distribution(name).version
            inner = [Requirement(text) for text in distribution(name).requires or []]
            queue += [(each, chosen) for each in inner for chosen in (requirement.extras or {""})]
    return found


def test_every_dependency_is_pinned() -> None:
    pins = pinned()
    found = installed_with([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]])
    assert len(found) > 20
    assert {"torch", "onnx", "pytest", "ruff"} <= found.keys()
    assert sorted(found.keys() - pins.keys()) == [], "add these to constraints.txt"
    differing = {name: version for name, version in found.items() if version.split("+")[0] != pins[name]}
    assert differing == {}, "the environment has other versions than constraints.txt"


def test_the_extras_that_are_not_installed_are_pinned_too() -> None:
    named = [text for extra in PROJECT["optional-dependencies"].values() for text in extra]
    assert {canonicalize_name(Requirement(text).name) for text in named} <= pinned().keys()


def test_the_hooks_have_the_versions_of_the_constraints() -> None:
    text, pins = (ROOT / ".pre-commit-config.yaml").read_text(), pinned()
    assert re.findall(r"rev: v(\S+)", text) == [pins["ruff"], pins["mypy"]]
    for name, version in re.findall(r"([a-z]+)==([\d.]+)", text):
        assert pins[name] == version


def test_ci_is_a_script_that_runs_the_commands_of_the_readme() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert '-c constraints.txt -e ".[test]"' in script.read_text()
    subprocess.run(["bash", "-n", str(script)], check=True)
