"""Runs a NIR file in SpikingJelly, all samples at once."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from onnx2snn.export.nir import package
from onnx2snn.export.readers.base import READERS, Seen, Watch


@READERS.register("spikingjelly")
def run(path: Path, x: np.ndarray, steps: int, names: Sequence[str]) -> Seen:
    """Return what SpikingJelly makes of the file."""
    exchange = package("spikingjelly.activation_based.nir_exchange")
    network = exchange.import_from_nir(str(path))
    watch = Watch(network, names)
    state, made = None, []
    with torch.no_grad():
        for _ in range(steps):
            y, state = network(torch.from_numpy(x), state)
            made.append(y)
    return Seen(torch.stack(made).numpy(), {name: value.numpy() for name, value in watch.take().items()})
