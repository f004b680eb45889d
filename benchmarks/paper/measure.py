"""Converts a network and measures it under every setting."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import onnx2snn
from benchmarks.paper.settings import CANDIDATES, SETTINGS, describe
from models.data import Dataset, load
from models.train import train
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.model import SpikingModel

TRAINED = Path(__file__).parents[2] / "models" / "trained"
CALIBRATION = 64
TUNING = 32
BATCH = 50

Tell = Callable[[str], None]


def trained(name: str, folder: Path = TRAINED) -> Path:
    """Return the ONNX file of the network `name` in `folder`, trained now where it is not there yet."""
    path = folder / f"{name}.onnx"
    if not path.exists():
        train(name, path)
    return path


def measure(name: str, samples: int, most: int, tell: Tell = print) -> dict[str, Any]:
    """Return the figures of the network `name` on the first `samples` test images, until `most` steps at most.

    {"network", "samples", "ann", "settings": {name: {"schedule", "timesteps": {T: {"accuracy", "agreement",
    "events_per_neuron"}}} or {"refused": why}}}; shares, not percent.
    """
    data = load("mnist")
    image, label = data.test_image[:samples], data.test_label[:samples]
    models = _conversions(name, data)
    answers = _ann(next(iter(models.values())), image).argmax(1)
    result: dict[str, Any] = {"network": name, "samples": len(label), "ann": float((answers == label).mean())}
    result["settings"] = {}
    for setting in SETTINGS:
        snn, steps = models[str(setting.conversion)], [t for t in setting.timesteps if t <= most]
        schedule = tune(snn, data, steps[-1]) if setting.tuned else {}
        figures = _figures(snn, steps, image, label, answers, {"dynamics": setting.dynamics, **schedule})
        if schedule:
            figures["schedule"] = describe(schedule)
        result["settings"][setting.name] = figures
        tell(f"{name}: {setting.name}: {_summary(figures)}")
    return result


def _conversions(name: str, data: Dataset) -> dict[str, SpikingModel]:
    """Return the network `name`, converted in every way that a setting wants."""
    calibration, path = data.train_image[:CALIBRATION], trained(name)
    wanted = {str(setting.conversion): setting.conversion for setting in SETTINGS}
    return {key: onnx2snn.convert(path, calibration, **options) for key, options in wanted.items()}


def tune(snn: SpikingModel, data: Dataset, timesteps: int) -> dict[str, Any]:
    """Return the schedule of `CANDIDATES` whose outputs are nearest the plain network's on unused training images."""
    image = data.train_image[CALIBRATION : CALIBRATION + TUNING]
    expected = _ann(snn, image)
    errors = []
    for schedule in CANDIDATES:
        output = snn.run(image, [timesteps], dynamics="signgd", **schedule).outputs[timesteps]
        errors.append(float(np.linalg.norm(output - expected)))
    return CANDIDATES[int(np.argmin(errors))]


def _figures(
    snn: SpikingModel,
    steps: Sequence[int],
    image: np.ndarray,
    label: np.ndarray,
    answers: np.ndarray,
    overrides: dict[str, Any],
) -> dict[str, Any]:
    try:
        run = snn.run(image, steps, executor="layer", batch_size=BATCH, **overrides)
    except UnsupportedError as error:
        return {"refused": str(error).replace(str(TRAINED.parents[1]) + os.sep, "")}
    rows = {}
    for t in steps:
        top = run.outputs[t].argmax(1)
        rows[str(t)] = {
            "accuracy": float((top == label).mean()),
            "agreement": float((top == answers).mean()),
            "events_per_neuron": float(run.events_per_neuron[t]),
        }
    return {"timesteps": rows}


def _ann(snn: SpikingModel, image: np.ndarray) -> np.ndarray:
    return next(iter(run_ann(snn.proto, {"image": image}, BATCH).values()))


def _summary(figures: dict[str, Any]) -> str:
    if "refused" in figures:
        return "refused"
    return "  ".join(f"T={t} {100 * row['accuracy']:.1f}" for t, row in figures["timesteps"].items())
