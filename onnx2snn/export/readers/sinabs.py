"""Runs a NIR file in sinabs, all steps at once: it folds time into the batch axis."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from onnx2snn.export.nir import package
from onnx2snn.export.readers.base import READERS, Seen, Watch


@READERS.register("sinabs")
def run(path: Path, x: np.ndarray, steps: int, names: Sequence[str]) -> Seen:
    """Return what sinabs makes of the file."""
    nir, importer = package("nir"), package("sinabs.nir")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = importer.from_nir(nir.read(str(path), type_check=False), batch_size=len(x))
    watch = Watch(network, names)
    held = torch.from_numpy(x).repeat_interleave(steps, 0)  # [samples * T, ...]
    with torch.no_grad():
        made = network(held)
    made = made[0] if isinstance(made, tuple) else made

    def unfolded(value: torch.Tensor) -> np.ndarray:
        return value.unflatten(0, (len(x), steps)).transpose(0, 1).numpy()

    return Seen(unfolded(made), {name: unfolded(value[0]) for name, value in watch.take().items()})
