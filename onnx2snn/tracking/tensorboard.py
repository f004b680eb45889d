"""Writes event files that TensorBoard reads: a point for every number of time steps."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onnx2snn.tracking.scalars import scalars, settings
from onnx2snn_runtime.errors import InputError


def need_tensorboard() -> Any:
    """Return the class of event writers; raise InputError where the package tensorboard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except (ModuleNotFoundError, ImportError) as error:
        raise InputError("event files need tensorboard: pip install 'onnx2snn[tensorboard]'") from error
    return SummaryWriter


def write_tensorboard(found: Mapping[str, Any], folder: str | Path) -> None:
    """Write the figures of `found`, what `evaluate` gave, into `folder`; the step of TensorBoard is T."""
    file = Path(folder)
    if file.exists() and not file.is_dir():
        raise InputError(f"{str(file)!r} is no folder: give the folder that TensorBoard reads")
    with need_tensorboard()(str(file)) as writer:
        writer.add_text("evaluation", "\n".join(f"- {name}: `{value}`" for name, value in settings(found).items()))
        for t, figures in scalars(found).items():
            for name, value in figures.items():
                writer.add_scalar(name, value, t)
