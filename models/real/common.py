"""What the scripts of this folder share."""

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import click
import numpy as np


@dataclass(frozen=True)
class Network:
    """The files of one network in the folder, and the options that it is converted with."""

    model: str
    test: str
    calibration: str
    options: tuple[str, ...] = ()


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


def need_file(module: str, file: str, command: str) -> Path:
    """Return the path of a file inside a package, without importing the package and all that it needs."""
    spec = importlib.util.find_spec(module)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if Path(folder, file).exists():
            return Path(folder, file)
    raise click.ClickException(f"the package {module!r} with its {file!r} is missing, install it with: {command}")


def save(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays to a compressed file under the names of the network's inputs, and say what is in it."""
    np.savez_compressed(path, **arrays)
    shapes = ", ".join(f"{name} {value.dtype} {list(value.shape)}" for name, value in arrays.items())
    print(f"{path.name}: {shapes}, {path.stat().st_size / 1e6:.1f} MB")
