"""What the scripts of this folder share."""

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import click
import numpy as np

PathOption = Callable[[Callable[..., None]], Callable[..., None]]


def out_option() -> PathOption:
    """Return the option `--out DIR`, a folder that is made if it is not there."""
    return click.option(
        "--out",
        required=True,
        type=click.Path(path_type=Path, file_okay=False),
        callback=lambda _context, _option, folder: (folder.mkdir(parents=True, exist_ok=True), folder)[1],
        help="The folder to write to.",
    )


def need(module: str, command: str) -> ModuleType:
    """Import a module, or end the script with one sentence that says how to install it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise click.ClickException(f"the package {error.name!r} is missing, install it with: {command}") from error


def save(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays to a compressed file under the names of the network's inputs, and say what is in it."""
    np.savez_compressed(path, **arrays)
    shapes = ", ".join(f"{name} {value.dtype} {list(value.shape)}" for name, value in arrays.items())
    print(f"{path.name}: {shapes}, {path.stat().st_size / 1e6:.1f} MB")
