"""The one registry: duplicates raise, unknown names suggest the nearest, discovery lets errors through."""

import sys
from pathlib import Path

import pytest

from onnx2snn_runtime.errors import Onnx2SnnError, RegistryError
from onnx2snn_runtime.registry import Registry


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an importable package `plugins` with nothing in it yet."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from onnx2snn_runtime.registry import Registry\nR = Registry('thing', 'plugins')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "plugins"]:
        del sys.modules[name]


def registry(folder: Path, **modules: str) -> Registry[object]:
    """Write `modules` into the package and return its registry."""
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(f"from plugins import R\n{text}\n")
    from plugins import R  # type: ignore[import-not-found]

    made: Registry[object] = R
    return made


def test_discovery_finds_every_module_in_sorted_order(package: Path) -> None:
    found = registry(package, zebra="R.register('a')(len(R._entries))", ant="R.register('b')(len(R._entries))")
    assert list(found) == ["a", "b"]
    assert (found["b"], found["a"]) == (0, 1)
    assert "a" in found
    assert "c" not in found
    assert found.get("c") is None


def test_a_duplicate_raises(package: Path) -> None:
    found = registry(package, one="R.register('same')(1)", two="R.register('same')(2)")
    with pytest.raises(RegistryError, match="the thing 'same' is registered twice: rename one of the two"):
        found.discover()


def test_an_unknown_name_suggests_the_nearest(package: Path) -> None:
    found = registry(package, one="R.register('constant')(1)\nR.register('sqrt')(2)")
    with pytest.raises(RegistryError, match="there is no thing 'konstant': did you mean 'constant'"):
        found["konstant"]
    with pytest.raises(RegistryError, match="there is no thing 'zzz': known are constant, sqrt"):
        found["zzz"]
    assert issubclass(RegistryError, Onnx2SnnError)
    assert issubclass(RegistryError, LookupError)


@pytest.mark.parametrize("text", ["import no_such_module_at_all", "raise ValueError('broken')", "x ="])
def test_discovery_lets_errors_through_every_time(package: Path, text: str) -> None:
    found = registry(package, good="R.register('good')(1)", faulty=text)
    for _ in range(2):  # the second look must not find half a registry in silence
        with pytest.raises((ImportError, ValueError, SyntaxError)):
            found["good"]
