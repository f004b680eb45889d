"""Settings in files: TOML with a table for each part, or what a spiking IR file recorded of its conversion."""

import tomllib
from pathlib import Path
from typing import Any

from onnx2snn.settings.conversion import ConversionSettings
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.ir.schema import read_defaults
from onnx2snn_runtime.ir.verify import read_model


def read_settings(path: Path) -> dict[str, Any]:
    """Return what the file at `path` sets, by the name of the setting, checked; what it leaves out is left out.

    A name that ends in .onnx is that of a spiking IR file. What cannot be read, and unknown names and values, raise
    InputError.
    """
    where = repr(str(path))
    tables = _recorded(path) if path.suffix.lower() == ".onnx" else _toml(path)
    settings = ConversionSettings.from_tables(tables, where)
    return {name: settings.get(name) for table in tables.values() for name in table}


def _toml(path: Path) -> dict[str, Any]:
    if path.exists() and not path.is_file() and not path.is_dir():  # a pipe would be waited for, a device read for ever
        raise InputError(f"{str(path)!r} is no ordinary file: give a TOML file")
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError as error:
        raise InputError(f"there is no file {str(path)!r}: check the path") from error
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{str(path)!r} is no TOML file ({error}): write tables such as [spikes]") from error


def _recorded(path: Path) -> dict[str, Any]:
    recorded = read_defaults(read_model(path), repr(str(path))).settings
    if not recorded:
        raise InputError(
            f"{str(path)!r} records no settings, being older than the record: convert its model again, or write a TOML"
        )
    return recorded
