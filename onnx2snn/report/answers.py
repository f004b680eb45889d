"""Keeps the answers of both networks, sample by sample, while an evaluation runs."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from onnx2snn.data.arrays import Samples
from onnx2snn.data.streams.base import Stream
from onnx2snn.evaluation.measuring import Measurer, Plan
from onnx2snn.evaluation.parts import Part
from onnx2snn.report.pictures import picture
from onnx2snn_runtime.model import SpikingModel

MOST_CLASSES, MOST_SHOWN, OTHERS = 30, 24, "others"


class Answers:
    """The workers of an evaluation that remember what both networks answered after `timesteps` steps."""

    def __init__(self, timesteps: int) -> None:
        self.timesteps = timesteps
        self.plain: list[int] = []
        self.spiking: list[int] = []
        self.labels: list[int] = []
        self.errors: list[float] = []

    def __call__(
        self, snn: SpikingModel, plan: Plan, stream: Stream, batches: Mapping[int, range]
    ) -> Iterable[tuple[int, Part]]:
        """Measure the batches, and take in their answers."""
        measurer = _Measurer(snn, plan, self)
        for number, places in batches.items():
            yield number, measurer.measure(stream.read(places))

    def take(self, plan: Plan, reference: np.ndarray, value: np.ndarray, labels: np.ndarray | None) -> None:
        """Take in the outputs of a batch, samples in front."""
        if reference.ndim == 0:
            return
        rows = (len(reference), -1)
        expected, made = (np.nan_to_num(x.astype(np.float64)).reshape(rows) for x in (reference, value))
        norms = np.linalg.norm(expected, axis=1)
        self.errors += (np.linalg.norm(made - expected, axis=1) / np.where(norms > 0, norms, 1.0)).tolist()
        if plan.axis == 1 and reference.ndim == 2:
            self.plain += expected.argmax(1).tolist()
            self.spiking += made.argmax(1).tolist()
            self.labels += [] if labels is None else labels.tolist()

    def facts(self, stream: Stream) -> dict[str, Any]:
        """Return what the page shows: the confusion, and the samples that disagree, or else are farthest off."""
        classes = len(self.plain) == len(self.errors) > 0
        differ = [i for i, (a, b) in enumerate(zip(self.plain, self.spiking, strict=True)) if a != b]
        farthest = np.argsort(self.errors)[::-1].tolist()
        shown = sorted(differ, key=lambda i: -self.errors[i]) if differ else farthest
        shown, many = shown[:MOST_SHOWN], len(self.errors)
        said = (
            f"{len(differ)} of {many} answers differ at T={self.timesteps}."
            if classes
            else f"{many} samples at T={self.timesteps}."
        )
        heading = (
            f"Samples that disagree ({len(shown)} of {len(differ)})" if differ else "Samples that are farthest off"
        )
        return {
            "timesteps": self.timesteps,
            "text": said,
            "confusion": self._confusion() if classes else None,
            "errors": [float(f"{error:.4g}") for error in self.errors[:5000]],
            "heading": heading,
            "samples": [self._sample(stream, index, classes) for index in shown],
        }

    def _sample(self, stream: Stream, index: int, classes: bool) -> dict[str, Any]:
        text = f"off by {self.errors[index]:.2%}"
        if classes:
            text = f"plain {self.plain[index]}, spiking {self.spiking[index]}, {text}"
            if self.labels:
                text = f"label {self.labels[index]}, {text}"
        return {"index": index, "text": text, "picture": picture(stream.read([index]).inputs)}

    def _confusion(self) -> dict[str, Any]:
        """Return the counts of both answers, plain down and spiking across, of the classes that come most."""
        common = Counter([*self.plain, *self.spiking]).most_common(MOST_CLASSES)
        kept = sorted(label for label, _ in common)
        names = [str(label) for label in kept]
        rest = bool({*self.plain, *self.spiking} - set(kept))
        places = {label: place for place, label in enumerate(kept)}
        counts = np.zeros((len(kept) + rest, len(kept) + rest), int)
        for a, b in zip(self.plain, self.spiking, strict=True):
            counts[places.get(a, -1), places.get(b, -1)] += 1
        return {"classes": names + ([OTHERS] if rest else []), "counts": counts.tolist()}


class _Measurer(Measurer):
    """Shows the outputs of every batch to `Answers`."""

    def __init__(self, snn: SpikingModel, plan: Plan, answers: Answers) -> None:
        super().__init__(snn, plan)
        self.answers = answers

    def show(self, samples: Samples, reference: np.ndarray, outputs: Mapping[int, np.ndarray]) -> None:
        """Take in the answers."""
        self.answers.take(self.plan, reference, outputs[self.answers.timesteps], samples.labels)
