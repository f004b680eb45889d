"""Runs a NIR file in norse, sample by sample: it counts no batch axis in Flatten."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from onnx2snn.export.nir import package
from onnx2snn.export.readers.base import READERS, Seen, Watch, sample_by_sample


@READERS.register("norse")
def run(path: Path, x: np.ndarray, steps: int, names: Sequence[str]) -> Seen:
    """Return what norse makes of the file."""
    nir, norse = package("nir"), package("norse.torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = norse.from_nir(nir.read(str(path)))
    watch = Watch(network, names)

    def over_time(sample: torch.Tensor) -> list[torch.Tensor]:
        state, made = None, []
        for _ in range(steps):
            y, state = network(sample, state)
            made.append(y)
        return made

    return sample_by_sample(over_time, watch, x)
