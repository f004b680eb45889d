"""Runs a NIR file in snnTorch, sample by sample: it counts no batch axis in Flatten."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from onnx2snn.export.nir import package
from onnx2snn.export.readers.base import READERS, Seen, Watch, sample_by_sample


@READERS.register("snntorch")
def run(path: Path, x: np.ndarray, steps: int, names: Sequence[str]) -> Seen:
    """Return what snnTorch makes of the file."""
    nir = package("nir")
    importer = package("snntorch.import_nir")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = importer.import_from_nir(nir.read(str(path)))
    watch = Watch(network, names)

    def over_time(sample: torch.Tensor) -> list[torch.Tensor]:
        for module in network.modules():
            if hasattr(module, "mem"):
                module.mem = torch.zeros(0)  # neurons keep their membranes: a new sample starts anew
        state, made = None, []
        for _ in range(steps):
            y, state = network(sample, state) if state is not None else network(sample)
            made.append(y)
        return made

    return sample_by_sample(over_time, watch, x)
