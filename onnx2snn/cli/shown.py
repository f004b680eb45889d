"""The options by which `evaluate` shows what it found elsewhere: pictures, a page, TensorBoard, Weights & Biases."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from onnx2snn.cli.files import check_output
from onnx2snn.cli.sections import option, section
from onnx2snn_runtime.errors import InputError

_PATH = click.Path(path_type=Path)

plot = option("--plot", type=_PATH, help="Where to draw it, such as figure.pdf: .png, .svg or .pdf.")
choices = section(
    "Output",
    plot,
    option("--report", type=_PATH, help="Where to write a page on it, such as report.html: see onnx2snn report."),
    option("--tensorboard", type=_PATH, help="Folder to write its figures to, for TensorBoard."),
    option("--wandb", help="Project of Weights & Biases to log its figures to."),
    option("--force", is_flag=True, help="Overwrite an existing file."),
)


def check(given: Mapping[str, Any], *sources: Path) -> None:
    """Raise InputError, before any work, for what cannot be written or what is not installed."""
    if given["report"] is not None:
        check_output(given["report"], given["force"], *sources)
    if given["report"] is not None and given["resume"] is not None:
        raise InputError("a report keeps the answers of one whole run: give one of --report and --resume")
    if given["report"] is not None and given.get("ray") is not None:
        raise InputError("a report keeps the answers of one process: give one of --report and --ray")
    if given["plot"] is not None:
        check_plot(given["plot"], given["force"], *sources)
    if given["tensorboard"] is not None:
        from onnx2snn.tracking.tensorboard import need_tensorboard

        need_tensorboard()
    if given["wandb"] is not None:
        from onnx2snn.tracking.weights_and_biases import need_wandb

        need_wandb()


def check_plot(path: Path, force: bool, *sources: Path) -> None:
    """Raise InputError for a picture that cannot be written, or where matplotlib is not installed."""
    from onnx2snn.plot.canvas import check_picture

    check_output(path, force, *sources)
    check_picture(path)


def draw(name: str, found: Any, path: Path) -> None:
    """Write the figure that the function `name` of `onnx2snn.plot` makes of what was found."""
    from onnx2snn import plot as drawing

    drawing.save(getattr(drawing, name)(found), path)


def measurer(given: Mapping[str, Any], title: str) -> Callable[..., dict[str, Any]]:
    """Return what measures: `evaluate`, or what writes a report besides."""
    from onnx2snn.evaluation.evaluation import evaluate

    if given.get("report") is None:
        return evaluate
    from onnx2snn.report.writing import write_report

    def reported(snn: Any, samples: Any, timesteps: Any, **options: Any) -> dict[str, Any]:
        left = {name: value for name, value in options.items() if name not in ("streaming", "by_layer")}
        write = partial(write_report, snn, samples, given["report"], timesteps, title=title, force=given["force"])
        return write(**left)

    return reported


def show(found: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Draw and log what was found, as was asked for, and return what was written."""
    written = [str(given[name]) for name in ("report", "plot", "tensorboard") if given[name] is not None]
    if given["plot"] is not None:
        draw("overview", found, given["plot"])
    if given["tensorboard"] is not None:
        from onnx2snn.tracking.tensorboard import write_tensorboard

        write_tensorboard(found, given["tensorboard"])
    if given["wandb"] is not None:
        from onnx2snn.tracking.weights_and_biases import log_wandb

        log_wandb(found, given["wandb"])
    return written
