"""Accumulates counts by layer and step; they stay on the device until they are read."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from onnx2snn_runtime.program.interpreter import Tensor

SENT = "sent"
"""Where the ledger has what populations sent, whatever it meets."""

REACHED = "reached"
"""What the ledger calls the products that a sender's own spikes make."""

Rows = dict[tuple[str, str], np.ndarray]


@dataclass(frozen=True)
class Shares:
    """Whose sums these are: for each pattern of a sender the layers, and by what its counts are multiplied there.

    A payload has `bits`; with a `mantissa` of None it is a real number. `inner`: what was sent is counted as well, from
    the last pattern, which has no layers, where that only says which samples count (`masked`).
    """

    sender: str
    layers: Sequence[Sequence[tuple[str, float]]]
    mantissa: int | None
    bits: int
    inner: bool = True
    masked: bool = False

    def spread(self, sums: np.ndarray, found: Rows) -> None:
        """Add `sums` [patterns, steps, 5], see scan.c, to the rows [steps] in `found`."""
        sums = sums.astype(np.float64)
        for layers, (met, added, graded, _, _) in zip(self.layers, sums.transpose(0, 2, 1), strict=True):
            if layers:
                found[self.sender, REACHED] += met * sum(factor for _, factor in layers)
            for layer, factor in layers:
                found[layer, "met"] += met * factor
                found[layer, "graded"] += graded > 0
                found[layer, "multiplied" if self.mantissa is None else "added"] += (
                    met if self.mantissa is None else added
                ) * factor
        if self.inner:
            met, added, _, events, digits = sums[-1].T
            found[SENT, "events"] += met if self.masked else events
            found[SENT, "digits"] += added if self.masked else digits
            found[SENT, "bits"] += (met if self.masked else events) * self.bits


@dataclass(frozen=True)
class Arriving:
    """Whose sums these are: a layer's, at which numbers arrive, or sums of spikes (`summed`), all `one_bit` or not."""

    layer: str
    summed: bool
    one_bit: bool

    def spread(self, sums: np.ndarray, found: Rows) -> None:
        """Add `sums` [1, steps, 5], see `kernels.tally`, to the rows [steps] in `found`."""
        met, added, multiplied, graded, _ = sums[0].astype(np.float64).T
        if not self.summed:
            found[self.layer, "numbers"] += met
            return
        units = (graded == 0) & self.one_bit
        found[self.layer, "binary"] += np.where(units, met, 0.0)
        found[self.layer, "sums"] += np.where(units, 0.0, met)
        found[self.layer, "added"] += added
        found[self.layer, "multiplied"] += multiplied


class Ledger:
    """Numbers by (layer, what), each of some time step; `before` time steps are not looked at."""

    def __init__(self, before: int = 0) -> None:
        self._before = before
        self._rows: dict[tuple[str, str], list[tuple[int, Tensor]]] = defaultdict(list)
        self._sums: dict[int, tuple[Shares | Arriving, list[tuple[int, Tensor]]]] = {}

    def add(self, layer: str, what: str, t: int, counts: Tensor) -> None:
        """Write down `counts` [n] of the steps t, t + 1, ..."""
        self._rows[layer, what].append((t - self._before, counts))

    def tally(self, shares: Shares | Arriving, t: int, sums: Tensor) -> None:
        """Write down the `sums` [patterns, n, 5] of the steps t, t + 1, ..., in the host's memory."""
        self._sums.setdefault(id(shares), (shares, []))[1].append((t - self._before, sums))

    def table(self, steps: int) -> Rows:
        """Return what was written down, float64 [steps]: all that is on the device comes to the host at once."""
        pieces = [counts for rows in self._rows.values() for _, counts in rows]
        whole = torch.cat(pieces).to(torch.float64).cpu().numpy() if pieces else np.zeros(0)
        found: Rows = defaultdict(lambda: np.zeros(steps))
        at = 0
        for key, rows in self._rows.items():
            total = found[key]
            for t, counts in rows:
                size = counts.shape[0]
                total[t - 1 : t - 1 + size] += whole[at : at + size]
                at += size
        for shares, many in self._sums.values():
            sums = np.zeros((many[0][1].shape[0], steps, many[0][1].shape[2]), np.int64)
            for t, counts in many:
                sums[:, t - 1 : t - 1 + counts.shape[1]] += counts.numpy()
            shares.spread(sums, found)
        return dict(found)
