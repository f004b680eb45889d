"""Accumulates counts by layer and step; they stay on the device until they are read."""

from collections import defaultdict
from collections.abc import Sequence

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

    def table(self, steps: int) -> dict[tuple[str, str], Tensor]:
        """Return what was written down, float64 [steps] on the host."""
        return {key: _added(rows, steps) for key, rows in self._rows.items()}


def _added(rows: Sequence[tuple[int, Tensor]], steps: int) -> Tensor:
    total = torch.zeros(steps, dtype=torch.float64, device=rows[0][1].device)
    for t, counts in rows:
        total[t - 1 : t - 1 + len(counts)] += counts
    return total.cpu()
