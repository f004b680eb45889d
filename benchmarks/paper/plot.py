"""Draws the figures: one panel a network, one line a dynamics; errors on a logarithmic scale, as they differ there."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.paper.settings import SETTINGS

COLORS = dict(zip((setting.name for setting in SETTINGS), ("C3", "C0", "C9", "C4", "C2", "C1", "C5"), strict=True))
TICKS = (10, 50, 80, 90, 95, 97, 98, 99)
MARKERS = dict(zip(COLORS, "os<^Dvx", strict=True))


def draw(results: Sequence[dict[str, Any]], path: Path, *, events: bool) -> None:
    """Write to `path` accuracy against time steps, or against `events` per neuron; one panel a network."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = min(3, len(results))
    rows = -(-len(results) // columns)
    size = (1 + 3.5 * columns, 1 + 3 * rows)
    figure, grid = pyplot.subplots(rows, columns, figsize=size, sharex=True, sharey=True, squeeze=False)
    panels = list(grid.flat)
    for axis, result in zip(panels, results, strict=False):
        _panel(axis, result, events)
    for axis in grid[:, 0]:
        axis.set_ylabel("accuracy in %, errors on a log scale")
    for axis in panels[max(0, len(results) - columns) : len(results)]:
        axis.set_xlabel("events per neuron" if events else "time steps T")
        axis.xaxis.set_tick_params(labelbottom=True)
    for axis in panels[len(results) :]:
        axis.axis("off")
    handles = {label: line for axis in panels for line, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    place = {"loc": "center", "bbox_to_anchor": (0.84, 0.27)} if len(results) == 5 else {"loc": "upper right"}
    figure.legend([handles[n] for n in COLORS if n in handles], [n for n in COLORS if n in handles], **place)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _panel(axis: Any, result: dict[str, Any], events: bool) -> None:
    refused = [name for name, figures in result["settings"].items() if "refused" in figures]
    for name, figures in result["settings"].items():
        if "refused" in figures:
            continue
        x = [row["events_per_neuron"] if events else int(t) for t, row in figures["timesteps"].items()]
        y = [_height(row["accuracy"]) for row in figures["timesteps"].values()]
        style = "--" if "schedule" in figures else "-"
        axis.plot(x, y, style, color=COLORS[name], marker=MARKERS[name], markersize=4, linewidth=1.4, label=name)
    axis.axhline(_height(result["ann"]), color="black", linestyle=":", linewidth=1)
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}" if value >= 1 else f"1/{1 / value:g}")
    axis.set_title(f"{result['network'].removeprefix('mnist_')} (ANN {100 * result['ann']:.1f}, dotted)", fontsize=10)
    axis.set_ylim(_height(0.0) - 0.05, _height(0.992))
    axis.set_yticks([_height(tick / 100) for tick in TICKS], [str(tick) for tick in TICKS])
    axis.grid(alpha=0.3)
    if refused:
        text = "refused: " + ", ".join(refused)
        left, low, side = (0.03, 0.5, "left") if events else (0.97, 0.04, "right")  # where no lines run
        axis.text(left, low, text, transform=axis.transAxes, ha=side, fontsize=8, color="0.35")


def _height(accuracy: float) -> float:
    """Return where an accuracy (a share) lies on the axis: the logarithm of the share of errors, upside down."""
    return -math.log10(max(1 - accuracy, 0.005))
