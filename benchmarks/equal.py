"""The smallest number of steps that is accurate enough, of onnx2snn and of every recipe of SpikingJelly."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from benchmarks import ann2snn
from benchmarks.speed import alternate
from benchmarks.trained import calibration
from onnx2snn_runtime.model import SpikingModel

GRID = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)

SLACK = 0.005
"""What may be lost of the network's own accuracy."""


@dataclass
class Entry:
    """A system that ran one network: `call` runs a batch over `timesteps`; `refused` says why there is none."""

    system: str
    recipe: str = ""
    timesteps: int | None = None
    accuracy: float | None = None
    refused: str = ""
    seconds: float | None = None
    call: Callable[[], object] | None = None

    def figures(self) -> dict[str, Any]:
        """Return what can be written as JSON."""
        return {key: value for key, value in asdict(self).items() if key != "call" and value not in (None, "")}


@dataclass
class Images:
    """Test images with their labels, the least accuracy that counts as equal, and the batch that is timed."""

    image: torch.Tensor
    label: torch.Tensor
    bar: float
    batch: torch.Tensor

    def accuracy(self, output: torch.Tensor) -> float:
        """Return the share of the images whose largest output is the label's."""
        return int((output.argmax(1) == self.label).sum()) / len(self.label)


def smallest(found: Iterable[tuple[int, float]], bar: float) -> tuple[int, float] | None:
    """Return the first (T, accuracy) of `found` that reaches `bar` and look no further, None if none does."""
    return next(((t, accuracy) for t, accuracy in found if accuracy > bar - 1e-9), None)


def ours(snn: SpikingModel, images: Images) -> Entry:
    """Return onnx2snn at its smallest T, executor layer."""
    reached = smallest(((t, images.accuracy(snn(images.image, timesteps=t))) for t in GRID), images.bar)
    if reached is None:
        return Entry("onnx2snn", "default", refused=f"not reached by T={GRID[-1]}")
    t, accuracy = reached
    return Entry("onnx2snn", "default", t, accuracy, call=lambda: snn(images.batch, timesteps=t))


def theirs(module: nn.Module, images: Images, repeats: int = 5) -> tuple[list[Entry], list[dict[str, Any]]]:
    """Return the fastest recipe of every family of SpikingJelly's, and the figures of all that were tried.

    A recipe that needs more than one and a half times the steps of the best of its family is not the fastest: it is
    given up.
    """
    if why := ann2snn.missing():
        return [Entry("SpikingJelly", refused=why)], []
    pooled = any(isinstance(part, nn.MaxPool2d) for part in module.modules())
    families: dict[str, list[Entry]] = {}
    tried: list[Entry] = []
    limits: dict[str, float] = {}
    for recipe in ann2snn.recipes(torch.from_numpy(calibration()), pooled):
        grid = [t for t in GRID if t <= limits.get(recipe.family, GRID[-1])]
        try:
            reached = smallest(_accuracies(recipe, module, images, grid), images.bar)
        except (ValueError, TypeError) as error:
            tried.append(Entry("SpikingJelly", recipe.name, refused=str(error)))
            continue
        if reached is None:
            tried.append(Entry("SpikingJelly", recipe.name, refused=f"not reached by T={grid[-1]}"))
            continue
        limits[recipe.family] = min(1.5 * reached[0], grid[-1])
        entries = _both_ways(recipe, recipe.convert(module, reached[0]), images.batch, *reached)
        families.setdefault(recipe.family, []).extend(entries)
        tried += entries
    best = [_fastest(entries, repeats) for entries in families.values()]
    return best or [Entry("SpikingJelly", refused="no recipe reached it")], [entry.figures() for entry in tried]


def _accuracies(
    recipe: ann2snn.Recipe, module: nn.Module, images: Images, grid: Sequence[int]
) -> Iterator[tuple[int, float]]:
    if recipe.fixed:
        for t in grid:
            run = ann2snn.runner(recipe.convert(module, t), images.image, t, True, recipe.first)
            yield t, images.accuracy(run())
    else:
        model = recipe.convert(module, grid[-1])
        for t, output in ann2snn.outputs(model, images.image, grid, recipe.first):
            yield t, images.accuracy(output)


def _both_ways(recipe: ann2snn.Recipe, model: nn.Module, x: torch.Tensor, t: int, accuracy: float) -> list[Entry]:
    made = []
    for many, how in ((False, "single-step"), (True, "multi-step")):
        call = ann2snn.runner(model, x, t, many, recipe.first)
        made.append(Entry("SpikingJelly", f"{recipe.name}; {how}", t, accuracy, call=call))
    return made


def _fastest(entries: list[Entry], repeats: int) -> Entry:
    _, seconds = alternate({entry.recipe: entry.call for entry in entries if entry.call}, repeats, least=1.0)
    for entry in entries:
        entry.seconds = seconds[entry.recipe]
    return min(entries, key=lambda entry: entry.seconds or 0.0)
