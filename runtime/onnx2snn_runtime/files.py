"""Atomic file writing, which every file that a user asks for goes through."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import onnx

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.ir.large import is_large, save_large


def check_writable(path: str | Path, *, force: bool = False) -> Path:
    """Return `path` as a Path; a path that cannot or must not be written raises InputError."""
    file = Path(path)
    if file.exists() and not file.is_file():
        raise InputError(f"{str(file)!r} is no ordinary file: choose another path")
    if file.exists() and not force:
        raise InputError(f"{str(file)!r} exists: choose another path, or overwrite it with --force (force=True)")
    if not file.parent.is_dir():
        raise InputError(f"there is no folder {str(file.parent)!r} to write {file.name!r} to: make it first")
    return file


@contextmanager
def writing(file: Path) -> Iterator[Path]:
    """Context manager that yields a temporary path; on success the files written there are renamed to `file`.

    The path is in a new private folder beside `file` with a random name, so no other file is touched and no symbolic
    link is followed. All files are synchronised to disk before the first is renamed. On an error or Ctrl-C the folder
    is removed and `file` is unchanged; an operating system error raises InputError.
    """
    try:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".onnx2snn-") as folder:
            yield Path(folder, file.name)
            written = sorted(Path(folder).iterdir(), key=lambda path: path.name == file.name)
            for path in written:
                _synchronise(path)
            for path in written:  # `file` itself comes last: what it refers to is there then
                path.replace(file.with_name(path.name))
        with suppress(OSError):  # not every file system knows it of folders
            _synchronise(file.parent)
    except OSError as error:
        raise InputError(f"{str(file)!r} cannot be written: {error.strerror or error}") from error


def write_model(proto: onnx.ModelProto, file: Path, *, force: bool = True) -> None:
    """Write `proto` to `file` atomically; weights of 2 GB and more go to the file `file`.data beside it.

    An existing file of that name raises InputError unless `force`.
    """
    large = is_large(proto)
    beside = file.with_name(file.name + ".data")
    if large and beside.exists():
        check_writable(beside, force=force)
    with writing(file) as path:
        if large:
            save_large(proto, path)
        else:
            path.write_bytes(proto.SerializeToString())


def _synchronise(path: Path) -> None:
    """Wait until `path`, a file or a folder, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)  # Windows synchronises what is written
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
