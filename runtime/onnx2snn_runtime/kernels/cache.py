"""The cache of compiled kernels. A library is code: what is in the cache is checked before it is loaded.

The folder is `ONNX2SNN_CACHE`, by default `~/.cache/onnx2snn`, made for its owner alone. It is used if it belongs to
this user (or to root) and nobody else may write to it; so is a library in it, which also has to be an ordinary file of
a sane size, with the content whose SHA-256 its name ends with. What is not so is deleted, and compiled anew. Where the
folder cannot be used, kernels are compiled at every start, and one warning says why.
"""

import functools
import hashlib
import os
import stat
import warnings
from contextlib import suppress
from pathlib import Path

from onnx2snn_runtime.errors import InputError, Onnx2SnnWarning
from onnx2snn_runtime.files import writing

LARGEST = 1 << 24
"""No kernel is larger, in bytes."""

DIGITS = 32
"""So many hexadecimal digits of the SHA-256 of its content are in the name of a library."""


def find(stem: str) -> Path | None:
    """Return the library `stem` in the cache, None where there is no sound one; others of this stem are deleted."""
    folder = _folder()
    try:
        files = sorted(folder.glob(f"{stem}-*.so")) if folder else []
    except OSError:
        return None
    for file in files:
        if _is_sound(file):
            return file
        with suppress(OSError):
            file.unlink()
    return None


def keep(stem: str, content: bytes) -> Path | None:
    """Write the library `stem` to the cache, whole or not at all; return its file, None where it cannot be kept."""
    folder = _folder()
    if folder is None:
        return None
    file = folder / f"{stem}-{_digest(content)}.so"
    try:
        with writing(file) as path:
            path.write_bytes(content)
            path.chmod(0o644)
    except InputError as error:
        reason = error.__cause__.strerror if isinstance(error.__cause__, OSError) else None
        _tell(folder, f"cannot be written ({reason or error})", "free or repair it")
        return None
    return file if _is_sound(file) else None


def _folder() -> Path | None:
    """Return the folder of the cache, made where it is missing; None where it is not to be used."""
    try:
        folder = Path(os.environ.get("ONNX2SNN_CACHE") or Path.home() / ".cache" / "onnx2snn")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        reason = _foreign(folder.stat())
    except (OSError, RuntimeError) as error:  # RuntimeError: nobody knows a home folder
        _tell(os.environ.get("ONNX2SNN_CACHE", "~/.cache/onnx2snn"), f"cannot be made ({error})", "make it")
        return None
    if reason:
        _tell(folder, reason, "take it back (chown, chmod go-w)")
        return None
    return folder


def _is_sound(file: Path) -> bool:
    """Return whether `file` may be loaded."""
    try:
        status = file.lstat()
        if not stat.S_ISREG(status.st_mode) or _foreign(status) or not 0 < status.st_size <= LARGEST:
            return False
        return _digest(file.read_bytes()) == file.stem.rpartition("-")[2]
    except OSError:
        return False


def _foreign(status: os.stat_result) -> str:
    """Return why others could have put there what `status` is of, "" where they could not."""
    if not hasattr(os, "geteuid"):  # Windows: the folder is the user's own by the access lists of the profile
        return ""
    if status.st_uid not in (os.geteuid(), 0):
        return "belongs to another user"
    return "can be written by others" if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) else ""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]


@functools.cache
def _tell(folder: str | Path, reason: str, remedy: str) -> None:
    """Warn, once, that kernels are not kept."""
    warnings.warn(
        f"the cache {str(folder)!r} {reason}, so kernels are compiled at every start: {remedy}, or name a folder of "
        "your own in ONNX2SNN_CACHE",
        Onnx2SnnWarning,
        stacklevel=2,
    )
