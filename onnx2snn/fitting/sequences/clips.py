"""Sequences of frames: checked, split into those to fit on and those held back, and what the plain network gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from onnx2snn.reference.ann import Ann
from onnx2snn_runtime.batches.stream import Stream
from onnx2snn_runtime.batches.stream_running import StreamOptions
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.probing.plain import Exact

BATCH = 16
HELD_BACK = 4
"""One in so many sequences is held back."""
FEWEST = 4
"""Frames that a sequence has to have."""


@dataclass(frozen=True)
class Clip:
    """Sequences side by side: `frames` by input name, [T, samples, ...] where it is in `moving`, and their `length`."""

    frames: Mapping[str, np.ndarray]
    moving: frozenset[str]
    length: int

    def frame(self, t: int) -> dict[str, np.ndarray]:
        """Return frame t, from 0 on."""
        return {name: value[t] if name in self.moving else value for name, value in self.frames.items()}

    def between(self, start: int, stop: int) -> "Clip":
        """Return the frames from `start` up to `stop`."""
        cut = {name: value[start:stop] if name in self.moving else value for name, value in self.frames.items()}
        return Clip(cut, self.moving, min(stop, self.length) - start)


def make_clip(snn: SpikingModel, sequences: Any) -> Clip:
    """Return `sequences`, arrays by input name or one array, as a clip; what is none raises InputError.

    Of an input that does not move the array may lack the axis of frames.
    """
    ports = snn.program.inputs
    given = dict(sequences) if isinstance(sequences, Mapping) else {ports[0].name: sequences}
    missing = [port.name for port in ports if port.name not in given]
    if missing:
        raise InputError(f"the sequences lack the input {missing[0]!r}: give [frames, samples, ...] of each")
    frames = {port.name: np.asarray(given[port.name]) for port in ports}
    moving = {p.name for p in ports if p.shape is not None and frames[p.name].ndim == len(p.shape) + 1 + p.single}
    lengths = {len(frames[name]) for name in moving}
    if len(lengths) != 1 or min(lengths) < FEWEST:
        shapes = ", ".join(f"{name} {value.shape}" for name, value in frames.items())
        raise InputError(
            f"these are no sequences ({shapes}): give {FEWEST} frames or more, [frames, samples, ...], as many an input"
        )
    return Clip(frames, frozenset(moving), lengths.pop())


def divided(snn: SpikingModel, clip: Clip) -> tuple[Clip, Clip]:
    """Return what to fit on and what to hold back: other sequences, or the second half of the only one."""
    count = side_by_side(snn, clip)
    if count < 2 or snn.defaults.batch:
        half = max(FEWEST // 2, clip.length // 2)
        return clip.between(0, half), clip.between(half, clip.length)
    held = max(1, count // HELD_BACK)
    return selected(snn, clip, slice(0, count - held)), selected(snn, clip, slice(count - held, count))


def side_by_side(snn: SpikingModel, clip: Clip) -> int:
    """Return the number of sequences."""
    axes = {port.name: port.axis for port in snn.program.inputs}
    counts = [clip.frames[n].shape[axis + (n in clip.moving)] for n, axis in axes.items() if axis is not None]
    return min(counts, default=1)


def selected(snn: SpikingModel, clip: Clip, rows: slice) -> Clip:
    """Return the sequences `rows` of `clip`."""
    made = {}
    for port in snn.program.inputs:
        value = clip.frames[port.name]
        at = None if port.axis is None else port.axis + (port.name in clip.moving)
        made[port.name] = value if at is None else value[(slice(None),) * at + (rows,)]
    return Clip(made, clip.moving, clip.length)


def reference(snn: SpikingModel, clip: Clip, output: str) -> list[np.ndarray]:
    """Return `output` of the plain network for every frame: by onnxruntime, or its exact stream where it is rolled."""
    if snn.program.rolled is None:
        ann = Ann(snn.proto, [output], fixed=snn.defaults.batch, axes=snn.program.axes)
        return [np.asarray(ann(clip.frame(t), BATCH)[output]) for t in range(clip.length)]
    exact = Exact()
    settings = Settings(exact, exact if snn.defaults.spiking_inputs else None, snn.defaults.input_scales)
    stream = Stream(snn.program, settings, StreamOptions())
    made = [stream(clip.frame(t)) for t in range(clip.length)]
    return [np.asarray(torch.as_tensor(y[output] if isinstance(y, dict) else y)) for y in made]
