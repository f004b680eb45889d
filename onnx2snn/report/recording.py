"""Records what a report shows of every population beside its figures: histograms, spikes and traces of some neurons."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from onnx2snn.diagnosis.watch import Watch
from onnx2snn_runtime.dynamics.base import State
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.population import Population

BINS, SAMPLES, NEURONS, TRACED, LOWEST = 41, 3, 32, 6, -24


@dataclass
class Record:
    """What is recorded of one population; spikes and traces are those of the first position of a recurrence."""

    low: float
    high: float
    plain: np.ndarray
    spiking: np.ndarray
    payloads: np.ndarray
    neurons: np.ndarray
    traced: np.ndarray
    rows: dict[int, list[dict[str, list[float]]]] = field(default_factory=dict)
    """By sample, one entry a step: spikes of `neurons`, and estimates of `traced`."""
    aims: dict[int, list[float]] = field(default_factory=dict)


@dataclass
class Recorder(Watch):
    """A `Watch` that records too; the size of what it keeps depends on neither samples nor neurons."""

    records: dict[str, Record] = field(default_factory=dict)

    def population(self, item: Population, t: int, spike: Tensor, state: State, target: Tensor) -> None:
        """Add to the figures and records of `item`."""
        super().population(item, t, spike, state, target)
        name = self._program.groups.get(item.name, item.name)
        plain = self._live[item.name].plain
        record = self.records.get(name) or self._begin(name, plain)
        sent, v = self._real(spike), self._real(state.v)
        self._count_payloads(record, item, sent)
        if t == self.steps[-1]:
            record.plain += _histogram(plain, record.low, record.high)
            record.spiking += _histogram(v, record.low, record.high)
        self._keep(record, item, t, plain, sent, v)

    def _begin(self, name: str, plain: Tensor) -> Record:
        """Return the record of a population: neurons spread over it, and traces of those with the largest values."""
        finite = torch.nan_to_num(plain.float(), 0.0, 0.0, 0.0)
        one = finite[:1].reshape(-1)
        low, high = (1.05 * float(end) for end in torch.aminmax(finite)) if finite.numel() else (0.0, 1.0)
        low, high = min(low, 0.0), max(high, 0.0)
        chosen = np.unique(np.linspace(0, one.numel() - 1, min(NEURONS, one.numel())).astype(int))
        ranked = one.abs()[torch.from_numpy(chosen).to(one.device)].argsort(descending=True, stable=True).cpu().numpy()
        zeros = np.zeros(BINS, np.int64)
        made = Record(
            low,
            high if high > low else 1.0,
            zeros,
            zeros.copy(),
            np.zeros(2 - LOWEST + 8, np.int64),
            chosen,
            chosen[ranked[:TRACED]],
        )
        self.records[name] = made
        return made

    def _count_payloads(self, record: Record, item: Population, sent: Tensor) -> None:
        scale = self._program.neuron(item).scale
        sizes = (sent.abs() / scale)[torch.isfinite(sent) & (sent != 0)]
        if sizes.numel():
            exponents = (torch.floor(torch.log2(sizes)).long() - LOWEST).clamp(0, len(record.payloads) - 1)
            record.payloads += torch.bincount(exponents.reshape(-1), minlength=len(record.payloads)).cpu().numpy()

    def _keep(self, record: Record, item: Population, t: int, plain: Tensor, sent: Tensor, v: Tensor) -> None:
        """Keep the neurons chosen, of the first samples of all."""
        first = self.samples - self._count
        for row in range(min(self._count, SAMPLES - first)):
            entries = record.rows.setdefault(first + row, [])
            if len(entries) >= t or row >= len(v):  # another position of a recurrence
                continue
            entries.append({"spikes": _chosen(sent[row], record.neurons), "traces": _chosen(v[row], record.traced)})
            record.aims.setdefault(first + row, _chosen(plain[row], record.traced))

    def described(self, name: str) -> dict[str, Any]:
        """Return the record of the population `name`, as the page takes it."""
        record = self.records[name]
        used = np.flatnonzero(record.payloads)
        span = range(used[0], used[-1] + 1) if used.size else range(0)
        rows = [record.rows[index] for index in sorted(record.rows)]
        return {
            "values": {"low": record.low, "high": record.high, "plain": record.plain.tolist(),
                       "spiking": record.spiking.tolist(), "timesteps": self.steps[-1]},
            "payloads": {"exponents": [i + LOWEST for i in span], "counts": [int(record.payloads[i]) for i in span]},
            "chosen": record.neurons.tolist(),
            "traced": record.traced.tolist(),
            "spikes": [[entry["spikes"] for entry in row] for row in rows],
            "traces": [[entry["traces"] for entry in row] for row in rows],
            "aims": [record.aims[index] for index in sorted(record.aims)],
        }  # fmt: skip


def _histogram(values: Tensor, low: float, high: float) -> np.ndarray:
    finite = values.float()[torch.isfinite(values)].clamp(low, high).cpu()
    return torch.histc(finite, BINS, low, high).long().numpy()


def _chosen(values: Tensor, places: np.ndarray) -> list[float]:
    flat = values.reshape(-1)
    picked = flat[torch.from_numpy(places).to(flat.device).clamp(max=flat.numel() - 1)].double()
    return [float(f"{value:.4g}") for value in torch.nan_to_num(picked, 0.0, 0.0, 0.0).tolist()]
