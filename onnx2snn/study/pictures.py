"""Pictures of a study: figures against time steps by payload, a column a model, and energy against accuracy."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.files import writing

Row = dict[str, Any]
LABELS = {"accuracy": "accuracy", "agreement": "agreement", "relative_error": "relative error",
          "events_per_neuron": "events a neuron", "energy_int8": "energy / int8 of the plain network"}  # fmt: skip


def draw(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Draw the means `rows` of a study into `folder`, and return the files; without matplotlib raise InputError."""
    good = [row for row in rows if row["error"] is None]
    if not good:
        return []
    quality = "accuracy" if any(row["accuracy"] is not None for row in good) else "agreement"
    panels = [(quality, "linear"), ("relative_error", "log"), ("events_per_neuron", "log")]
    files = [folder / "timesteps.png", folder / "energy.png"]
    _against_timesteps(good, panels, files[0])
    _against_energy(good, panels[:2], files[1])
    return files


def _against_timesteps(rows: list[Row], panels: list[tuple[str, str]], path: Path) -> None:
    models = list(dict.fromkeys(row["model"] for row in rows))
    steps = sorted({row["timesteps"] for row in rows})
    figure = _figure(3.4 * len(models), 2.4 * len(panels))
    axes = figure.subplots(len(panels), len(models), sharex=True, sharey="row", squeeze=False)
    for column, model in enumerate(models):
        for line, (name, scale) in enumerate(panels):
            axis = axes[line][column]
            _lines(axis, [row for row in rows if row["model"] == model], "timesteps", name)
            if name in ("accuracy", "agreement"):
                plain = next((row["ann_accuracy"] for row in rows if row["model"] == model), None)
                if plain is not None and name == "accuracy":
                    axis.axhline(plain, color="black", linewidth=0.8, linestyle="--", label="plain network")
            axis.set(yscale=scale)
            axis.set_xscale("log", base=2)
            axis.set_xticks(steps, map(str, steps))
            axis.grid(alpha=0.3)
        axes[0][column].set_title(model)
        axes[-1][column].set_xlabel("time steps T")
    for line, (name, _) in enumerate(panels):
        axes[line][0].set_ylabel(LABELS[name])
    axes[0][0].legend(fontsize="small")
    _save(figure, path)


def _against_energy(rows: list[Row], qualities: list[tuple[str, str]], path: Path) -> None:
    models = list(dict.fromkeys(row["model"] for row in rows))
    figure = _figure(3.4 * len(models), 2.4 * len(qualities) + 0.4)
    axes = figure.subplots(len(qualities), len(models), sharex=True, sharey="row", squeeze=False)
    for column, model in enumerate(models):
        for line, (name, scale) in enumerate(qualities):
            axis = axes[line][column]
            _lines(axis, [row for row in rows if row["model"] == model], "energy_int8", name)
            axis.axvline(1.0, color="black", linewidth=0.8, linestyle="--")
            axis.set(xscale="log", yscale=scale)
            axis.grid(alpha=0.3)
        axes[0][column].set_title(model)
        axes[-1][column].set_xlabel(LABELS["energy_int8"])
    for line, (name, _) in enumerate(qualities):
        axes[line][0].set_ylabel(LABELS[name])
    axes[0][0].legend(fontsize="small")
    _save(figure, path)


def _lines(axis: Any, rows: list[Row], x: str, y: str) -> None:
    """Draw a line for each payload, with a band from the least to the largest of the seeds."""
    for payload in dict.fromkeys(row["payload"] for row in rows):
        own = [row for row in rows if row["payload"] == payload and row[x] is not None and row[y] is not None]
        if not own:
            continue
        places = [row[x] for row in own]
        (line,) = axis.plot(places, [row[y] for row in own], marker="o", markersize=3, label=payload)
        if any(row["seeds"] > 1 for row in own):
            low, high = zip(*(row[f"{y}_range"] for row in own), strict=True)
            axis.fill_between(places, low, high, alpha=0.2, color=line.get_color())


def need_matplotlib() -> Any:
    """Return matplotlib's Figure; without it raise InputError."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("pictures need matplotlib: pip install 'onnx2snn[plots]', or leave out --pictures") from error
    return Figure


def _figure(width: float, height: float) -> Any:
    return need_matplotlib()(figsize=(max(width, 4.5), height), layout="constrained")


def _save(figure: Any, path: Path) -> None:
    with writing(path) as partial:
        figure.savefig(partial, dpi=130)
