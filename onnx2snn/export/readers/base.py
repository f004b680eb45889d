"""The interface of readers, which run a NIR file over time and return the spikes of every layer of neurons."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from onnx2snn_runtime.registry import Registry


@dataclass(frozen=True)
class Seen:
    """What a reader gave: the outputs [T, samples, ...], and the spikes of every layer [T, samples, ...] by name."""

    outputs: np.ndarray
    spikes: dict[str, np.ndarray]


Reader = Callable[[Path, np.ndarray, int, Sequence[str]], Seen]
"""Runs a file on inputs [samples, ...], each held for so many steps, and shows the layers that are named."""

READERS: Registry[Reader] = Registry("reader", "onnx2snn.export.readers")


class Watch:
    """Keeps what the modules called `names` give, until it is taken."""

    def __init__(self, module: torch.nn.Module, names: Sequence[str]) -> None:
        self.seen: dict[str, list[torch.Tensor]] = {name: [] for name in names}
        modules = dict(module.named_modules())
        for name in names:
            modules[name].register_forward_hook(self._hook(name))

    def _hook(self, name: str) -> Callable[..., None]:
        def keep(module: torch.nn.Module, given: Any, made: Any) -> None:
            self.seen[name].append((made[0] if isinstance(made, tuple) else made).detach())

        return keep

    def take(self) -> dict[str, torch.Tensor]:
        """Return what was given since the last time, [calls, ...] by name, and forget it."""
        taken = {name: torch.stack(values) for name, values in self.seen.items()}
        for values in self.seen.values():
            values.clear()
        return taken


def sample_by_sample(steps: Callable[[torch.Tensor], list[torch.Tensor]], watch: Watch, x: np.ndarray) -> Seen:
    """Run every sample of `x` by `steps`, which gives the outputs of the time steps for one sample without a batch."""
    outputs, spikes = [], []
    for sample in torch.from_numpy(x):
        with torch.no_grad():
            outputs.append(torch.stack(steps(sample)))
        spikes.append(watch.take())
    named = {name: torch.stack([one[name] for one in spikes], 1).numpy() for name in spikes[0]}
    return Seen(torch.stack(outputs, 1).numpy(), named)
