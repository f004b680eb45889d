"""The report of a stream: a page by itself, with a picture of the operations of every frame, or the figures as JSON."""

import html
import json
from collections.abc import Sequence
from pathlib import Path

from onnx2snn.cli import console
from onnx2snn.cli.stream_figures import COLUMNS, Figures, mean, row
from onnx2snn_runtime.files import writing

WIDTH, HEIGHT = 860, 240
STYLE = (
    "body{font:15px sans-serif;margin:2em;max-width:60em}table{border-collapse:collapse}"
    "td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #ddd}"
    "td:first-child,th:first-child{text-align:left}"
)


def write_report(path: Path, model: str, source: str, found: Sequence[Figures]) -> None:
    """Write the figures `found`, one a frame, of `model` on `source` into `path`, .html or .json."""
    if path.suffix.lower() == ".json":
        text = json.dumps(
            console.plain({"model": model, "input": source, "mean": mean(found), "frames": found}), indent=1
        )
    else:
        text = _page(model, source, found)
    with writing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _page(model: str, source: str, found: Sequence[Figures]) -> str:
    whole = row(f"all {len(found)}", mean(found))
    populations = [(name, _mean(found, "events_by_population", name), _mean(found, "silent_by_population", name),
                    _mean(found, "operations_by_population", name)) for name in _names(found)]  # fmt: skip
    rows = [[name, f"{sent:,.1f}", console.percent(silent), f"{made:,.0f}"] for name, sent, silent, made in populations]
    title = f"{model} on {source}"
    return (
        f"<!doctype html><meta charset=utf-8><title>{_said(title)}</title><style>{STYLE}</style>"
        f"<h1>{_said(title)}</h1><h2>A frame, on average</h2>{_table(COLUMNS, [whole])}"
        "<p>Operations by NeuroBench's rule; energy of shift-adds beside dense multiply-accumulates in int8, 45 nm "
        "(Horowitz, ISSCC 2014), without memory.</p>"
        f"<h2>Frame by frame</h2>{_picture(found)}"
        "<h2>By population</h2>"
        f"{_table(['population or input', 'events a frame', 'silent', 'operations a frame'], rows)}"
    )


def _names(found: Sequence[Figures]) -> list[str]:
    return list(dict.fromkeys([*found[0]["operations_by_population"], *found[0]["events_by_population"]]))


def _mean(found: Sequence[Figures], what: str, name: str) -> float:
    return sum(each[what].get(name, 0.0) for each in found) / len(found)


def _picture(found: Sequence[Figures]) -> str:
    """Return lines of the operations, or events, of every frame, and of the dense network's, as SVG."""
    counted = found[0]["operations"] is not None
    what = "operations" if counted else "events"
    values = [float(each[what]) for each in found]
    dense = float(found[0]["dense"]) if counted else 0.0
    top = max(*values, dense, 1.0)
    step = (WIDTH - 20) / max(1, len(values) - 1)

    def at(index: int, value: float) -> str:
        return f"{10 + index * step:.1f},{HEIGHT - 20 - (HEIGHT - 40) * value / top:.1f}"

    line = " ".join(at(index, value) for index, value in enumerate(values))
    ends = f"{at(0, dense)} {at(len(values) - 1, dense)}"
    beside = f'<polyline points="{ends}" stroke="#999" fill="none"/>' if dense else ""
    words = f"{what} of each frame (blue), the dense network (grey); top: {top:,.0f}"
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" role="img">'
        f'<polyline points="{line}" stroke="#06c" fill="none"/>{beside}'
        f'<text x="10" y="{HEIGHT - 4}" font-size="12">{words}</text></svg>'
    )


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f"<th>{_said(name)}</th>" for name in columns)
    cells = [[f"<td>{_said('-' if cell is None else cell)}</td>" for cell in row] for row in rows]
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    return f"<table><tr>{head}</tr>{body}</table>"


def _said(value: object) -> str:
    return html.escape(console.printable(str(value)))
