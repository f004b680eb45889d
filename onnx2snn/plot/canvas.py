"""Makes and writes matplotlib figures that all look alike; matplotlib is an extra, and imported when it is needed."""

from pathlib import Path
from typing import Any

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.files import writing

SUFFIXES = (".png", ".svg", ".pdf")
COLOURS = ("#2458d3", "#d9730d", "#0f8a6a", "#a43ac2", "#c6303e", "#5b6675")
STYLE = {
    "figure.dpi": 150, "font.size": 9, "axes.titlesize": 10, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.alpha": 0.3, "legend.frameon": False, "lines.markersize": 4, "svg.fonttype": "none",
    "pdf.fonttype": 42,
}  # fmt: skip


def need_pyplot() -> Any:
    """Return matplotlib.pyplot, which draws into files; raise InputError where it is not installed."""
    try:
        import matplotlib
    except ModuleNotFoundError as error:
        raise InputError("pictures need matplotlib: pip install 'onnx2snn[plots]'") from error
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def canvas(columns: int = 1, width: float = 3.6, height: float = 2.7, **options: Any) -> tuple[Any, list[Any]]:
    """Return an empty figure and its axes, side by side; sizes are those of one, in inches."""
    pyplot = need_pyplot()
    from cycler import cycler

    with pyplot.rc_context({**STYLE, "axes.prop_cycle": cycler(color=COLOURS)}):
        figure, axes = pyplot.subplots(
            1, columns, figsize=(width * columns, height), squeeze=False, layout="constrained", **options
        )
    return figure, list(axes[0])


def check_picture(path: Path) -> None:
    """Raise InputError where `path` is no picture that matplotlib writes for papers, or where that is not installed."""
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{str(path)!r} is no picture: give a name that ends in {', '.join(SUFFIXES)}")
    need_pyplot()


def save(figure: Any, path: str | Path) -> Path:
    """Write `figure` to `path`, PNG, SVG or PDF by its ending, whole or not at all, and close it."""
    file = Path(path)
    check_picture(file)
    pyplot = need_pyplot()
    with pyplot.rc_context(STYLE), writing(file) as partial:
        figure.savefig(partial, metadata={} if file.suffix.lower() == ".png" else _undated(file))
    pyplot.close(figure)
    return file


def _undated(file: Path) -> dict[str, None]:
    """Return metadata without a date: the same figure is the same file."""
    return {"Date": None} if file.suffix.lower() == ".svg" else {"CreationDate": None}
