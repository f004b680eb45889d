"""The cache of compiled kernels: what is bad is made anew and never loaded, and a run goes on without a cache."""

import errno
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from onnx2snn_runtime.errors import Onnx2SnnWarning
from onnx2snn_runtime.kernels import cache, compiling

pytestmark = [
    pytest.mark.skipif(compiling.unavailable("signgd") is not None, reason="there is no C compiler"),
    pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and modes are those of POSIX"),
]
NOBODY = 65534
PLANTED = """#include <stdio.h>
__attribute__((constructor)) static void planted(void) { FILE *p = fopen("%s", "w"); fclose(p); }
"""


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """An empty cache, and nothing remembered in the process before or after."""
    where = tmp_path / "cache"
    monkeypatch.setenv("ONNX2SNN_CACHE", str(where))
    monkeypatch.setattr(compiling, "FLAGS", ("-O0", "-fPIC"))  # quickly
    forget()
    yield where
    forget()


def forget() -> None:
    compiling.library.cache_clear()
    cache._tell.cache_clear()


def build() -> tuple[bool, list[str]]:
    """Return whether the library was compiled just now, and what was warned of."""
    compiling.library.cache_clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = compiling.library("signgd")
    assert made is not None
    return made.seconds > 0, [str(w.message) for w in caught if issubclass(w.category, Onnx2SnnWarning)]


def one(folder: Path) -> Path:
    """Return the one library in the cache, as a copy: what is loaded must not be damaged under the process."""
    (file,) = folder.iterdir()
    content, mode = file.read_bytes(), file.stat().st_mode
    file.unlink()
    file.write_bytes(content)
    file.chmod(mode)
    return file


def test_a_library_is_kept_for_its_owner_alone(folder: Path) -> None:
    assert build() == (True, [])
    assert build() == (False, [])
    assert folder.stat().st_mode & 0o777 == 0o700
    file = one(folder)
    assert file.stat().st_mode & 0o022 == 0
    assert file.stem.endswith(cache._digest(file.read_bytes()))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda file: file.write_bytes(b""),
    "cut": lambda file: file.write_bytes(file.read_bytes()[:5000]),
    "a bit": lambda file: file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:]),
    "longer": lambda file: file.write_bytes(file.read_bytes() + b"more"),
    "huge": lambda file: os.truncate(file, cache.LARGEST + 1),
    "writable by others": lambda file: file.chmod(0o666),
    "writable by the group": lambda file: file.chmod(0o664),
    "a link": lambda file: file.symlink_to(file.rename(file.with_suffix(".hidden"))),
    "a pipe": lambda file: (file.unlink(), os.mkfifo(file)),
    "unreadable": lambda file: file.chmod(0),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_bad_is_made_anew(folder: Path, damage: str) -> None:
    build()
    file = one(folder)
    content = file.read_bytes()
    DAMAGE[damage](file)
    readable = damage == "unreadable" and os.geteuid() == 0  # root reads everything
    assert build() == (not readable, [])
    assert build() == (False, [])
    assert file.read_bytes() == content
    assert not file.is_symlink()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
def test_a_library_of_another_user_is_made_anew(folder: Path) -> None:
    build()
    os.chown(one(folder), NOBODY, NOBODY)
    assert build() == (True, [])
    assert next(folder.iterdir()).stat().st_uid == os.geteuid()


FOREIGN: dict[str, tuple[Callable[[Path], object], str]] = {
    "others": (lambda folder: folder.chmod(0o777), "can be written by others"),
    "the group": (lambda folder: folder.chmod(0o770), "can be written by others"),
    "another user": (lambda folder: os.chown(folder, NOBODY, NOBODY), "belongs to another user"),
}


@pytest.mark.parametrize("who", FOREIGN)
def test_a_folder_that_others_may_write_is_not_used(folder: Path, who: str, tmp_path: Path) -> None:
    if who == "another user" and os.geteuid() != 0:
        pytest.skip("only root gives folders away")
    build()
    file, trace = one(folder), tmp_path / "planted"
    (tmp_path / "p.c").write_text(PLANTED % trace)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(file), str(tmp_path / "p.c")], check=True)
    sound = file.with_name(f"{file.stem.rpartition('-')[0]}-{cache._digest(file.read_bytes())}.so")
    file.rename(sound)  # by its digest it is what it should be
    FOREIGN[who][0](folder)
    fresh, told = build()
    assert fresh
    assert not trace.exists()
    assert [text for text in told if FOREIGN[who][1] in text and "take it back (chown, chmod go-w)" in text] == told
    assert len(told) == 1
    assert build() == (True, [])  # said once
    assert list(folder.iterdir()) == [sound]
    folder.chmod(0o700)


def test_a_full_disk_is_said_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    fresh, told = build()
    assert fresh
    assert told == [
        f"the cache {str(folder)!r} cannot be written (No space left on device), so kernels are compiled at every "
        "start: free or repair it, or name a folder of your own in ONNX2SNN_CACHE"
    ]
    assert build() == (True, [])
    assert not list(folder.iterdir())


def test_a_cache_that_cannot_be_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write_text("a file")
    before = set(Path(tempfile.gettempdir()).glob("onnx2snn-*"))
    fresh, (told,) = build()
    assert fresh
    assert f"the cache {str(folder)!r} cannot be made" in told
    assert build() == (True, [])
    assert set(Path(tempfile.gettempdir()).glob("onnx2snn-*")) == before


def test_without_a_home_a_run_goes_on(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("ONNX2SNN_CACHE")
    monkeypatch.setattr(Path, "home", homeless)
    fresh, (told,) = build()
    assert fresh
    assert "the cache '~/.cache/onnx2snn' cannot be made (Could not determine home directory.)" in told


def test_a_cut_library_does_not_kill_the_process(folder: Path) -> None:
    build()
    file = one(folder)
    file.write_bytes(file.read_bytes()[:6000])
    code = "from onnx2snn_runtime.kernels.compiling import library; print(library('signgd').seconds > 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr
