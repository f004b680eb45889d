"""Figures for papers: what is drawn, and in which files."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnx2snn import plot
from onnx2snn.data.readers import Samples
from onnx2snn.evaluation.evaluation import evaluate
from onnx2snn.evaluation.timing import measure
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.model import SpikingModel
from tests.runtime.networks import CNN, network, sample

matplotlib = pytest.importorskip("matplotlib")
HEADS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


@pytest.fixture
def snn() -> SpikingModel:
    return network(CNN, timesteps=2)


@pytest.fixture
def found(snn: SpikingModel) -> dict[str, Any]:
    return evaluate(snn, Samples(sample(snn, 12), np.arange(12) % 3, 12), [1, 2, 4])


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    from matplotlib import pyplot

    pyplot.close("all")


@pytest.mark.parametrize("suffix", HEADS)
def test_files(found: dict[str, Any], tmp_path: Path, suffix: str) -> None:
    for name in ("a", "b"):
        plot.save(plot.accuracy(found), tmp_path / f"{name}{suffix}")
    made = (tmp_path / f"a{suffix}").read_bytes()
    assert made.startswith(HEADS[suffix])
    if suffix != ".svg":  # ids of clip paths are drawn anew
        assert made == (tmp_path / f"b{suffix}").read_bytes()
    from matplotlib import pyplot

    assert pyplot.get_fignums() == []


def test_accuracy_and_error_against_time_steps(found: dict[str, Any]) -> None:
    shares, errors = plot.accuracy(found).axes
    drawn = {line.get_label(): line for line in shares.lines}
    assert list(drawn["accuracy"].get_xdata()) == [1, 2, 4]
    assert list(drawn["accuracy"].get_ydata()) == [at["accuracy"] for at in found["timesteps"].values()]
    assert {"accuracy", "agreement with the plain network", "plain network"} <= set(drawn)
    assert list(errors.lines[0].get_ydata()) == [at["relative_error"] for at in found["timesteps"].values()]
    assert errors.get_yscale() == "log"


def test_energy_against_accuracy(found: dict[str, Any]) -> None:
    (axes,) = plot.energy(found).axes
    drawn = {line.get_label(): line for line in axes.lines}
    assert list(drawn["int8"].get_xdata()) == [at["ratio"] for at in found["energy"]["int8"].values()]
    assert axes.get_ylabel() == "accuracy"
    with pytest.raises(InputError, match="operations were not counted"):
        plot.energy({**found, "energy": None})


def test_raster(snn: SpikingModel) -> None:
    run = snn.run(sample(snn, 3), 4, probes=["spikes"])
    spikes = run.probes["spikes"]["neuron_h"][:, 1].reshape(4, -1).numpy()
    (axes,) = plot.raster(run, "neuron_h", sample=1).axes
    assert spikes.shape[1] == 64
    assert sum(len(marks.get_offsets()) for marks in axes.collections) == np.count_nonzero(spikes)
    (axes,) = plot.raster(run, "neuron_h", neurons=[3]).axes
    assert {int(y) for marks in axes.collections for _, y in marks.get_offsets()} <= {0}


def test_traces(snn: SpikingModel) -> None:
    run = snn.run(sample(snn, 3), 4, probes=["values"])
    values = run.probes["values"]["neuron_g"][:, 2].reshape(4, -1).numpy()
    (axes,) = plot.traces(run, "neuron_g", sample=2, neurons=[5, 0]).axes
    for line, index in zip(axes.lines, (5, 0), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), [0.0, *values[:, index]])
    assert len(plot.traces(run, "neuron_g").axes[0].lines) == 6


def test_bars_of_times(snn: SpikingModel) -> None:
    found = measure(snn, sample(snn, 2), executors=["layer", "step"], timesteps=2, repeats=1)
    (axes,) = plot.timing(found).axes
    assert [bar.get_width() for bar in axes.patches] == [1e3 * s for s in found["seconds"].values()]


def test_what_cannot_be_drawn_is_said(snn: SpikingModel, found: dict[str, Any], tmp_path: Path) -> None:
    run = snn.run(sample(snn, 3), 2, probes=["spikes"])
    for match, call in {
        r"recorded no values: run it with probes=\['values'\]": lambda: plot.traces(run, "neuron_h"),
        "no population 'x': it has neuron_h, neuron_g": lambda: plot.raster(run, "x"),
        "no sample 3: the run had 3": lambda: plot.raster(run, "neuron_h", sample=3),
        "no neuron 64: the population has 64": lambda: plot.raster(run, "neuron_h", neurons=[64]),
        "is no picture: give a name that ends in .png, .svg, .pdf": lambda: plot.save(None, tmp_path / "a.gif"),
    }.items():
        with pytest.raises(InputError, match=match):
            call()


def test_without_matplotlib_it_is_said(monkeypatch: pytest.MonkeyPatch, found: dict[str, Any]) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"pictures need matplotlib: pip install 'onnx2snn\[plots\]'"):
        plot.accuracy(found)


def test_the_figure_of_evaluate(found: dict[str, Any]) -> None:
    shares, errors, energy = plot.overview(found).axes
    assert (shares.get_ylabel(), errors.get_ylabel(), energy.get_xlabel()) == (
        "share", "relative error", "energy / plain network",
    )  # fmt: skip
    assert len(plot.overview({**found, "energy": None}).axes) == 2


def test_errors_within_one_power_of_ten_have_several_ticks(found: dict[str, Any]) -> None:
    steps = {
        t: {**at, "relative_error": e}
        for (t, at), e in zip(found["timesteps"].items(), (0.04, 0.01, 0.007), strict=True)
    }
    figure = plot.accuracy({**found, "timesteps": steps})
    figure.canvas.draw()
    low, high = figure.axes[1].get_ylim()
    inside = [text.get_text() for text in figure.axes[1].get_yticklabels() if low <= text.get_position()[1] <= high]
    assert inside == ["0.01", "0.02"]
