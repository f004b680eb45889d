"""Spike rasters and traces of estimates, of what the probes of a run recorded."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from onnx2snn.plot.canvas import canvas
from onnx2snn_runtime.errors import InputError

if TYPE_CHECKING:
    from onnx2snn_runtime.batches.run import Run

MOST_ROWS, MOST_TRACES = 64, 6


def raster(run: "Run", population: str, sample: int = 0, neurons: Sequence[int] | None = None) -> Any:
    """Return the spikes of `population` for one sample: a mark each, as large as the payload, coloured by its sign.

    `run` is `snn.run(x, T, probes=["spikes"])`; by default 64 neurons are shown, spread over the population.
    """
    values = _recorded(run, "spikes", population, sample)
    chosen = _chosen(values, neurons, MOST_ROWS)
    figure, (axes,) = canvas(1, width=5.0, height=3.0)
    shown = values[:, chosen]
    steps, rows = np.nonzero(shown)
    sent = shown[steps, rows]
    largest = np.abs(sent).max(initial=1e-30)
    for colour, label, mask in (("#2458d3", "up", sent > 0), ("#d9730d", "down", sent < 0)):
        if mask.any():
            sizes = 6 + 40 * np.abs(sent[mask]) / largest
            axes.scatter(steps[mask] + 1, rows[mask], s=sizes, c=colour, marker="|", label=label)
    if len(sent):
        axes.legend(loc="upper right")
    axes.set(xlabel="time step", ylabel="neuron", title=population, xlim=(0.5, len(values) + 0.5))
    axes.set_ylim(-1, len(chosen))
    return figure


def traces(run: "Run", population: str, sample: int = 0, neurons: Sequence[int] | None = None) -> Any:
    """Return the estimates of a few neurons of `population` over time, for one sample.

    `run` is `snn.run(x, T, probes=["values"])`; by default the six that move farthest are shown.
    """
    values = _recorded(run, "values", population, sample)
    if neurons is None:
        neurons = np.sort(np.argsort(-np.abs(values).max(0), kind="stable")[:MOST_TRACES]).tolist()
    chosen = _chosen(values, neurons, MOST_TRACES)
    figure, (axes,) = canvas(1, width=5.0, height=3.0)
    time = np.arange(len(values) + 1)
    for index in chosen:
        axes.step(time, np.concatenate([[0.0], values[:, index]]), where="post", label=str(index))
    axes.set(xlabel="time step", ylabel="estimate", title=population)
    axes.legend(title="neuron", ncols=2)
    return figure


def _recorded(run: "Run", probe: str, population: str, sample: int) -> np.ndarray:
    """Return [T, neurons] of one sample."""
    if probe not in run.probes:
        raise InputError(f"the run recorded no {probe}: run it with probes=[{probe!r}]")
    table = run.probes[probe]
    if population not in table:
        raise InputError(f"the run recorded no population {population!r}: it has {', '.join(table)}")
    values = table[population].float().cpu().numpy()
    if not 0 <= sample < values.shape[1]:
        raise InputError(f"there is no sample {sample}: the run had {values.shape[1]}")
    return values[:, sample].reshape(len(values), -1)


def _chosen(values: np.ndarray, neurons: Sequence[int] | None, most: int) -> list[int]:
    """Return the neurons to show: those asked for, or `most` that are spread over the population."""
    count = values.shape[1]
    if neurons is None:
        return np.unique(np.linspace(0, count - 1, min(most, count)).astype(int)).tolist()
    for index in neurons:
        if not 0 <= index < count:
            raise InputError(f"there is no neuron {index}: the population has {count}")
    return list(neurons)
