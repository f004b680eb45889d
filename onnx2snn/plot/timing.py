"""The times that `bench` measured, as bars."""

from collections.abc import Mapping
from typing import Any

from onnx2snn.plot.canvas import canvas


def timing(found: Mapping[str, Any]) -> Any:
    """Return a bar for the plain network and each executor: milliseconds a batch; `found` is from `timing.measure`."""
    names = list(found["seconds"])
    milliseconds = [1e3 * found["seconds"][name] for name in names]
    figure, (axes,) = canvas(1, width=4.6, height=0.9 + 0.42 * len(names))
    bars = axes.barh(names, milliseconds, color=["0.6" if name not in found["ratio"] else "#2458d3" for name in names])
    axes.bar_label(bars, labels=[f"{value:.3g}" for value in milliseconds], padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.12)
    axes.set(xlabel=f"ms for {found['samples']} samples, T={found['timesteps']}, {found['device']}")
    return figure
