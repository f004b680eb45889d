"""The table of a study: its rows in the order of the study, and their means over the seeds."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from onnx2snn.study.jobs import Job
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.files import writing

Row = dict[str, Any]
COLUMNS = ("model", "payload", "timesteps", "seed", "samples", "ann_accuracy", "accuracy", "agreement", "cosine",
           "relative_error", "events_per_neuron", "events", "synaptic_operations", "energy_fp32", "energy_int8",
           "error")  # fmt: skip
"""What is in the table: all that does not differ from one run of the same study to the next."""
MEANS = ("ann_accuracy", "accuracy", "agreement", "relative_error", "events_per_neuron", "energy_fp32", "energy_int8")


def ordered(jobs: Iterable[Job], rows: Mapping[str, Row]) -> list[Row]:
    """Return the rows of a study by key in the order of its `jobs`; cells that are missing are left out."""
    keys = [job.key(t) for job in jobs for t in job.timesteps]
    return [rows[key] for key in keys if key in rows]


def means(rows: Sequence[Row]) -> list[Row]:
    """Return a row for each model, payload and T: means over the seeds that did not fail, or why all of them did."""
    groups: dict[tuple[str, str, int], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["model"], row["payload"], row["timesteps"]), []).append(row)
    return [_mean(group) for group in groups.values()]


def _mean(rows: list[Row]) -> Row:
    good = [row for row in rows if row["error"] is None]
    found: Row = {name: rows[0][name] for name in ("model", "payload", "timesteps")}
    found["seeds"] = len(good)
    found["error"] = None if good else rows[0]["error"]
    for name in MEANS:
        values = [row[name] for row in good if row.get(name) is not None]
        found[name] = math.fsum(values) / len(values) if values else None
        found[f"{name}_range"] = (min(values), max(values)) if values else None
    return found


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """Write the table as CSV: the same text for the same figures, whatever order the cells were run in."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with writing(path) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")


def write_markdown(rows: Sequence[Row], path: Path) -> None:
    """Write the means as a table of Markdown."""
    lines = ["| " + " | ".join(HEADERS) + " |", "|---|---|" + "---:|" * (len(HEADERS) - 2)]
    lines += ["| " + " | ".join("-" if cell is None else cell for cell in cells(row)) + " |" for row in rows]
    with writing(path) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")


HEADERS = ["model", "payload", "T", "accuracy", "agreement", "relative error", "events/neuron", "energy/fp32",
           "energy/int8", "failed"]  # fmt: skip


def cells(row: Row) -> list[str | None]:
    """Return a row of means as text."""
    shares = [None if row[name] is None else f"{100 * row[name]:.2f} %" for name in MEANS[1:4]]
    numbers = [None if row[name] is None else f"{row[name]:.3g}" for name in MEANS[4:]]
    return [row["model"], row["payload"], str(row["timesteps"]), *shares, *numbers, row["error"]]


def write_parquet(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as Parquet, what made them as JSON; without pyarrow raise InputError."""
    import json

    need_pyarrow()
    import pyarrow
    from pyarrow import parquet

    flat = [{name: row.get(name) for name in (*COLUMNS, "key", "convert_seconds", "evaluate_seconds")} for row in rows]
    made = [json.dumps(row["made_by"]) for row in rows]
    with writing(path) as partial:
        parquet.write_table(
            pyarrow.Table.from_pylist([{**r, "made_by": m} for r, m in zip(flat, made, strict=True)]), partial
        )


def need_pyarrow() -> None:
    """Raise InputError where pyarrow is not installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise InputError("Parquet is written by pyarrow, which is absent: pip install 'onnx2snn[streams]'") from error
