"""The frontier of a search, for still inputs or for streams: error against what it costs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from onnx2snn.plot.canvas import canvas

if TYPE_CHECKING:
    from onnx2snn.fitting.sequences.tuning import StreamTuning
    from onnx2snn.fitting.trials import Point

AXES = (("timesteps", "time steps T"), ("events_per_neuron", "events a neuron"),
        ("shift_adds_per_neuron", "shift-adds a neuron"), ("energy", "energy / fp32"))  # fmt: skip


def frontier(points: Sequence["Point"]) -> Any:
    """Return the relative error of `points` against what they cost, a line for each payload."""
    figure, axes = canvas(len(AXES), width=3.5, height=3.4, sharey=True)
    for payload in dict.fromkeys(point.payload for point in points):
        own = [point for point in points if point.payload == payload and point.relative_error > 0]
        for axis, (name, _) in zip(axes, AXES, strict=True):
            pairs = sorted((getattr(p, name), p.relative_error) for p in own if getattr(p, name) is not None)
            axis.plot([x for x, _ in pairs], [y for _, y in pairs], marker="o", linestyle=":", label=payload)
    for axis, (_, label) in zip(axes, AXES, strict=True):
        axis.set(xlabel=label, yscale="log")
    axes[0].set(ylabel="relative error")
    axes[0].legend()
    return figure


def stream_frontier(found: "StreamTuning") -> Any:
    """Return the relative error of the frontier against operations a frame, a line for each number of steps a frame."""
    figure, (axis,) = canvas(1, width=5.2, height=3.4)
    for steps in sorted({point.steps for point in found.frontier}):
        own = [point for point in found.frontier if point.steps == steps]
        label = f"{steps} step{'s' if steps > 1 else ''} a frame"
        axis.plot([p.operations for p in own], [p.relative_error for p in own], marker="o", linestyle=":", label=label)
    axis.axvline(found.chosen.dense, color="0.4", linestyle=":", label="dense, frame by frame")
    axis.plot([found.chosen.operations], [found.chosen.relative_error], "r*", markersize=10, label="chosen")
    axis.set(xlabel="operations a frame", ylabel="relative error", xscale="log", yscale="log")
    axis.legend()
    return figure
