"""Accumulates counts by layer and step; they stay on the device until they are read."""

from collections import defaultdict

import numpy as np
import torch

from onnx2snn_runtime.program.interpreter import Tensor


class Ledger:
    """Numbers by (layer, what), each of some time step; `before` time steps are not looked at."""

    def __init__(self, before: int = 0) -> None:
        self._before = before
        self._rows: dict[tuple[str, str], list[tuple[int, Tensor]]] = defaultdict(list)

    def add(self, layer: str, what: str, t: int, counts: Tensor) -> None:
        """Write down `counts` [n] of the steps t, t + 1, ..."""
        self._rows[layer, what].append((t - self._before, counts))

    def table(self, steps: int) -> dict[tuple[str, str], np.ndarray]:
        """Return what was written down, float64 [steps]: all that is on the device comes to the host at once."""
        pieces = [counts for rows in self._rows.values() for _, counts in rows]
        whole = torch.cat(pieces).to(torch.float64).cpu().numpy() if pieces else np.zeros(0)
        found, at = {}, 0
        for key, rows in self._rows.items():
            total = found[key] = np.zeros(steps)
            for t, counts in rows:
                size = counts.shape[0]
                total[t - 1 : t - 1 + size] += whole[at : at + size]
                at += size
        return found
