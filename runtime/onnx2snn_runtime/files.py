"""Spiking networks in files, whole or not at all."""

import tempfile
from pathlib import Path

import onnx

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.ir.large import is_large, save_large


def check_writable(path: str | Path, *, force: bool = False) -> Path:
    """Return `path` as a Path; one that must not be written raises InputError."""
    file = Path(path)
    if file.exists() and not file.is_file():
        raise InputError(f"{str(file)!r} is no ordinary file: choose another path")
    if file.exists() and not force:
        raise InputError(f"{str(file)!r} exists: choose another path, or overwrite it with --force (force=True)")
    if not file.parent.is_dir():
        raise InputError(f"there is no folder {str(file.parent)!r} to write {file.name!r} to: make it first")
    return file


def write_model(proto: onnx.ModelProto, file: Path) -> None:
    """Write `proto` to `file`, whole or not at all; weights of 2 GB and more go into a file beside it."""
    try:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".onnx2snn-") as folder:
            partial = Path(folder, file.name)
            if is_large(proto):
                save_large(proto, partial)
            else:
                partial.write_bytes(proto.SerializeToString())
            for written in sorted(Path(folder).iterdir(), reverse=True):  # the weights first
                written.replace(file.with_name(written.name))
    except OSError as error:
        raise InputError(f"{str(file)!r} cannot be written: {error.strerror or error}") from error
