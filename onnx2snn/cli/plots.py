"""Pictures of what commands found; matplotlib, an extra, draws them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onnx2snn_runtime.errors import InputError

if TYPE_CHECKING:
    from onnx2snn.fitting.trials import Point

AXES = (("timesteps", "time steps T"), ("events_per_neuron", "events a neuron"),
        ("shift_adds_per_neuron", "shift-adds a neuron"), ("energy", "energy / fp32"))  # fmt: skip


def need_pyplot() -> Any:
    """Return matplotlib.pyplot, which draws into files; raise InputError where it is not installed."""
    try:
        import matplotlib
    except ModuleNotFoundError as error:
        raise InputError("pictures need matplotlib: pip install 'onnx2snn[plots]'") from error
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def draw_frontier(points: Sequence["Point"], path: Path) -> None:
    """Draw the relative error of `points` against what they cost, a line for each payload, into the file `path`."""
    pyplot = need_pyplot()
    figure, axes = pyplot.subplots(1, len(AXES), figsize=(14, 4), sharey=True)
    for payload in dict.fromkeys(point.payload for point in points):
        own = [point for point in points if point.payload == payload and point.relative_error > 0]
        for axis, (name, _) in zip(axes, AXES, strict=True):
            pairs = sorted((getattr(p, name), p.relative_error) for p in own if getattr(p, name) is not None)
            axis.plot([x for x, _ in pairs], [y for _, y in pairs], marker="o", linestyle=":", label=payload)
    for axis, (_, label) in zip(axes, AXES, strict=True):
        axis.set(xlabel=label, yscale="log")
        axis.grid(alpha=0.3)
    axes[0].set(ylabel="relative error")
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
