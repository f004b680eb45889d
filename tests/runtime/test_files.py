"""Files are written whole or not at all, beside everything that is the user's."""

import os
from pathlib import Path

import pytest

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.files import check_writable, writing


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_path_is_beside_the_file_and_of_a_name_of_its_own(tmp_path: Path) -> None:
    seen = set()
    for text in ("one", "two"):
        with writing(tmp_path / "y.npy") as path:
            assert path.parent.parent == tmp_path
            assert path.parent.stat().st_mode & 0o777 == 0o700
            seen.add(path.parent)
            path.write_text(text)
            assert (tmp_path / "y.npy").exists() == (text == "two")
        assert (tmp_path / "y.npy").read_text() == text
    assert len(seen) == 2
    assert names(tmp_path) == ["y.npy"]


def test_the_file_has_the_mode_that_a_new_file_has(tmp_path: Path) -> None:
    (tmp_path / "new").touch()
    with writing(tmp_path / "y") as path:
        path.touch()
    assert (tmp_path / "y").stat().st_mode == (tmp_path / "new").stat().st_mode


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_an_interrupt_leaves_all_as_it_was(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "y").write_text("before")

    def interrupted() -> None:
        with writing(tmp_path / "y") as path:
            path.write_text("half of it")
            raise error

    with pytest.raises(error):
        interrupted()
    assert names(tmp_path) == ["y"]
    assert (tmp_path / "y").read_text() == "before"


def test_a_full_disk_is_one_sentence_and_leaves_all_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "y").write_text("before")

    def full() -> None:
        with writing(tmp_path / "y") as path:
            path.write_text("half of it")
            raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match=r"y' cannot be written: No space left on device"):
        full()
    assert names(tmp_path) == ["y"]
    assert (tmp_path / "y").read_text() == "before"


def test_a_symbolic_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    os.symlink(tmp_path / "victim", tmp_path / "y")
    with writing(tmp_path / "y") as path:
        path.write_text("new")
    assert (tmp_path / "victim").read_text() == "precious"
    assert not (tmp_path / "y").is_symlink()


def test_what_lies_beside_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = []
    real = Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, to: moved.append(to.name) or real(self, to))
    with writing(tmp_path / "m.onnx") as path:
        path.write_text("model")
        path.with_name("m.onnx.data").write_text("weights")
    assert moved == ["m.onnx.data", "m.onnx"]


def test_paths_that_must_not_be_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is no ordinary file"):
        check_writable(tmp_path / "pipe", force=True)
    (tmp_path / "y").touch()
    with pytest.raises(InputError, match="exists: choose another path"):
        check_writable(tmp_path / "y")
    with pytest.raises(InputError, match="there is no folder"):
        check_writable(tmp_path / "none" / "y")
