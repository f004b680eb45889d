"""The interface of exporters, functions from a spiking network to files, and their registry."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.files import check_writable
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.registry import Registry


@dataclass(frozen=True)
class Request:
    """What is asked of an exporter.

    `target` is the reader that the file is for, "" where any reader will do; `overrides` replace the dynamics and the
    schedule of the file, as in `SpikingModel.run`; `timesteps` is the number of steps that the file is made for, where
    that matters, by default the model's own; `dtype` is float32 or float64.
    """

    snn: SpikingModel
    path: Path
    target: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    timesteps: int | None = None
    initial_as_bias: bool = False
    dtype: str = "float32"

    @property
    def steps(self) -> int:
        """The number of time steps, the model's own where none was asked for."""
        return self.timesteps or self.snn.defaults.timesteps


@dataclass
class Exported:
    """What an exporter wrote: the files, facts by name, and sentences on what the reader of the files has to know."""

    files: list[str]
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


Exporter = Callable[[Request], Exported]
EXPORTERS: Registry[Exporter] = Registry("exporter", "onnx2snn.export")


def export(
    snn: SpikingModel,
    path: str | Path,
    *,
    to: str,
    target: str = "",
    timesteps: int | None = None,
    initial_as_bias: bool = False,
    dtype: str = "float32",
    force: bool = False,
    **overrides: Any,
) -> Exported:
    """Write `snn` to `path` by the exporter `to` ("nir", "onnx-step", "torch") and return what was written.

    `overrides` are those of `SpikingModel.run`: dynamics, dynamics_options, schedule, schedule_options, delay; the rest
    is explained by `Request`. What the format cannot say raises UnsupportedError, with every node that it cannot say.
    """
    if dtype not in ("float32", "float64"):
        raise InputError(f"there is no dtype {dtype!r} to export in: choose float32 or float64")
    file = check_writable(path, force=force)
    return EXPORTERS[to](Request(snn, file, target, overrides, timesteps, initial_as_bias, dtype))
