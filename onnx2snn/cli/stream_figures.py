"""The figures of a frame of a stream, for tables and reports."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from onnx2snn.cli import console

if TYPE_CHECKING:
    from onnx2snn_runtime.batches.stream_frame import StreamFrame

Figures = dict[str, Any]
COLUMNS = ["frames", "operations/frame", "dense", "times fewer", "events", "silent", "uJ (shift-adds)",
           "uJ (int8 dense)", "energy/int8", "refined", "began anew"]  # fmt: skip
MICRO = 1e-6
"""pJ in uJ."""
_SUMS = ("operations", "dense", "events", "silent", "refined", "energy", "energy_int8_dense")


def figures(frame: "StreamFrame") -> Figures:
    """Return what `frame` took, for one stream; operations and energy are None where they are not counted.

    `energy` is that of shift-adds and multiplications with the constants of int8, `energy_int8_dense` that of the dense
    network's multiply-accumulates in int8, both in uJ.
    """
    from onnx2snn_runtime.probing.energy import HOROWITZ, spent

    made, samples = frame.operations, frame.samples
    found: Figures = {
        "frame": frame.index,
        "events": frame.events / samples,
        "silent": frame.silent,
        "refined": len(frame.refined) / samples,
        "reset": len(frame.reset),
        "events_by_population": {name: sent / samples for name, sent in frame.events_by_population.items()},
        "silent_by_population": frame.silent_by_population,
        "operations_by_population": {name: n / samples for name, n in frame.operations_by_population.items()},
        **dict.fromkeys(("operations", "dense", "energy", "energy_int8_dense")),
    }
    if made is not None:
        found |= {
            "operations": made.synaptic_operations / samples,
            "dense": made.dense_once / samples,
            "energy": spent(made, HOROWITZ.int8) / samples * MICRO,
            "energy_int8_dense": made.dense_once * HOROWITZ.int8.mac / samples * MICRO,
        }
    return found


def mean(found: Sequence[Figures]) -> Figures:
    """Return the mean of frames; resets are added up."""
    whole: Figures = {"reset": sum(each["reset"] for each in found)}
    for name in _SUMS:
        values = [each[name] for each in found if each[name] is not None]
        whole[name] = sum(values) / len(values) if values else None
    operations, energy = whole["operations"], whole["energy"]
    whole["times_fewer"] = None if operations is None else whole["dense"] / max(1.0, operations)
    whole["energy_ratio_int8"] = None if energy is None else energy / max(1e-12, whole["energy_int8_dense"])
    return whole


def row(title: str, whole: Figures) -> list[str | None]:
    """Return the cells of a line."""

    def count(value: float | None) -> str | None:
        return None if value is None else f"{value:,.0f}"

    return [
        title,
        count(whole["operations"]),
        count(whole["dense"]),
        console.number(whole["times_fewer"], 3),
        count(whole["events"]),
        console.percent(whole["silent"]),
        console.number(whole["energy"], 3),
        console.number(whole["energy_int8_dense"], 3),
        console.number(whole["energy_ratio_int8"], 3),
        console.percent(whole["refined"]),
        str(whole["reset"]),
    ]
