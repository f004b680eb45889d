"""What SpikingJelly's ann2snn makes of a PyTorch module: every recipe that takes it, and how each is run.

The package is not needed to import this.
"""

import contextlib
import copy
import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import nn

Convert = Callable[[nn.Module, int], nn.Module]

BATCH = 200
"""So many samples are computed at a time where accuracy is measured."""

RATE, STA, TD = "rate coding", "STA", "TD"
"""The families: spikes of one size; counts of spikes, with floats inside; floats alone."""


@dataclass(frozen=True)
class Recipe:
    """A way to convert: `convert` makes a network, for so many steps where `fixed`; `first`: later inputs are zero."""

    family: str
    name: str
    convert: Convert
    fixed: bool = False
    first: bool = False


def missing() -> str:
    """Return why SpikingJelly cannot be used here, nothing where it can."""
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            from spikingjelly.activation_based import ann2snn, functional, neuron  # noqa: F401
            from spikingjelly.logger import logger

            logger.disable("spikingjelly")
    except ImportError as error:
        absent = error.name in ("spikingjelly", "spikingjelly.activation_based")
        return "not installed" if absent else f"cannot be imported ({error})"
    return ""


def recipes(image: torch.Tensor, pooled: bool) -> list[Recipe]:
    """Return what there is, calibrated on `image`; `pooled`: the network has max-pooling, whose place can be chosen.

    Rate coding: IF neurons, thresholds a layer or a channel, from the maximum, the 99.9 % percentile or half the
    maximum, starting from nothing or from half a threshold; local threshold balancing, over the images once or 8 times.
    """
    from spikingjelly.activation_based import ann2snn, neuron

    loader = [(image,)]
    found = []
    for half, mode in product((False, True), ("Max", "99.9%", 0.5)):
        label = f"{mode}{', half threshold' if half else ''}"
        for early in (False, True) if pooled else (False,):
            options = {"channel_wise": True, "half_threshold": half, "pre_spike_maxpool": early, "mode": mode}
            name = f"channel, {label}{', pool first' if early else ''}"
            found.append(_rate(name, ann2snn.RateCodingRecipe, loader, **options))
        factory = (lambda _scale: neuron.HalfThresholdIFNode()) if half else None
        found.append(_rate(f"layer, {label}", ann2snn.RateCodingRecipe, loader, mode=mode, neuron_factory=factory))
    for times in (1, 8):
        batches = [(part,) for _ in range(times) for part in image.split(8)]
        found.append(_rate(f"local threshold balancing x{times}", ann2snn.LocalThresholdBalancingRecipe, batches))

    def sta(module: nn.Module, steps: int) -> nn.Module:
        return _convert(module, ann2snn.STATransformerRecipe(loader, time_steps=steps, mode="spiking_encoder"))

    found.append(Recipe(STA, "STA, counts of spikes, floats inside", sta, fixed=True, first=True))
    td = ann2snn.TransformerTDEquivalentRecipe
    found.append(Recipe(TD, "TD, floats, no spikes", lambda module, _: _convert(module, td()), first=True))
    return found


def _rate(name: str, kind: Callable[..., Any], loader: Sequence[Any], **options: Any) -> Recipe:
    return Recipe(RATE, name, lambda module, _: _convert(module, kind(loader, **options)))


def _convert(module: nn.Module, recipe: Any) -> nn.Module:
    from spikingjelly.activation_based import ann2snn

    with contextlib.redirect_stderr(io.StringIO()):  # progress bars
        return ann2snn.Converter(recipe).convert(copy.deepcopy(module)).eval()


def runner(
    model: nn.Module, x: torch.Tensor, steps: int, many: bool, first: bool, copied: bool = True
) -> Callable[[], torch.Tensor]:
    """Return a function that runs `x` for `steps`: `many` at once, or one after the other; the sum is the output.

    It runs a copy of `model`, or `model` itself where it is not to be `copied`.
    """
    from spikingjelly.activation_based import functional

    model = copy.deepcopy(model) if copied else model
    functional.set_step_mode(model, "m" if many else "s")
    later = torch.zeros_like(x) if first else x
    series = torch.stack([x, *[later] * (steps - 1)]) if many else x

    @torch.inference_mode()
    def run() -> torch.Tensor:
        functional.reset_net(model)
        if many:
            return model(series).sum(0)
        total = model(x)
        for _ in range(steps - 1):
            total += model(later)
        return total

    return run


def outputs(model: nn.Module, x: torch.Tensor, steps: Sequence[int], first: bool) -> Iterator[tuple[int, torch.Tensor]]:
    """Yield the output after each of `steps`, computed as far as it is asked for."""
    from spikingjelly.activation_based import functional

    functional.set_step_mode(model, "s")
    functional.reset_net(model)
    parts = [[copy.deepcopy(model), part, torch.zeros(())] for part in x.split(BATCH)]
    for t in range(1, steps[-1] + 1):
        for item in parts:
            item[2] = item[2] + _step(item[0], torch.zeros_like(item[1]) if first and t > 1 else item[1])
        if t in steps:
            yield t, torch.cat([total for _, _, total in parts])


@torch.inference_mode()
def _step(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return model(x)
