"""SpikingJelly's default rate coding on one network, step by step and many steps at once, or why it cannot be run."""

import textwrap
from collections.abc import Callable

import torch
from torch import nn

from benchmarks import ann2snn
from benchmarks.memory_cell import MULTI, SINGLE
from benchmarks.networks import Subject, samples
from benchmarks.trained import calibration

RECIPE = "channel, Max"
CALIBRATION = 8
"""So many samples of noise set the scales on a network with random weights."""
REFUSALS = (ValueError, TypeError, RuntimeError, AttributeError, LookupError)

Calls = dict[str, Callable[[], object]]


def convert(subject: Subject, module: nn.Module, timesteps: int) -> tuple[nn.Module | None, str]:
    """Return what SpikingJelly makes of `module`, or None and why there is nothing."""
    if why := ann2snn.missing():
        return None, why
    image = torch.from_numpy(calibration() if subject.file else samples(subject, CALIBRATION))
    recipe = next(recipe for recipe in ann2snn.recipes(image, pooled=False) if recipe.name == RECIPE)
    try:
        return recipe.convert(module, timesteps), ""
    except REFUSALS as error:
        return None, short(error)


def peers(model: nn.Module, x: torch.Tensor, timesteps: int) -> tuple[Calls, dict[str, str]]:
    """Return the calls that run `model` step by step and many steps at once, and why one of them cannot.

    Both have to give the same for two samples: a module that mixes steps up does not.
    """
    calls: Calls = {}
    refused, outputs = {}, []
    for system, many in ((SINGLE, False), (MULTI, True)):
        try:
            outputs.append(ann2snn.runner(model, x[:2], timesteps, many, first=False)())
        except REFUSALS as error:
            refused[system] = short(error)
            continue
        if not torch.allclose(outputs[0], outputs[-1], rtol=1e-3, atol=1e-3 * float(outputs[0].abs().max())):
            refused[system] = "gives other outputs than single-step"
            continue
        calls[system] = ann2snn.runner(model, x, timesteps, many, first=False)
    return calls, refused


def short(error: Exception) -> str:
    """Return the message of `error` as one cell of a table."""
    words = " ".join(str(error).split()).replace("|", "/") or type(error).__name__
    return textwrap.shorten(words, 110, placeholder=" ...")
