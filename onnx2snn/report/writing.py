"""Writes the report of a network on samples."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from onnx2snn.data.arrays import Samples
from onnx2snn.data.streams.base import InMemory, Stream
from onnx2snn.report.facts import collect
from onnx2snn.report.page import page
from onnx2snn_runtime.errors import Stage
from onnx2snn_runtime.files import check_writable, writing
from onnx2snn_runtime.model import SpikingModel


@Stage("the report")
def write_report(
    snn: SpikingModel,
    samples: Samples | Stream,
    path: str | Path,
    timesteps: Sequence[int] = (1, 2, 4, 8),
    *,
    title: str = "",
    force: bool = False,
    progress: Callable[[str, float], None] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Write a page on `snn` on `samples` to `path`, one HTML file that needs nothing else, and return the figures.

    `options` are those of `evaluation.evaluate`, early exit and CUDA graphs apart: figures are measured on all
    samples, populations observed on the first 16. An existing file raises InputError unless `force`; so does a missing
    plotly, before anything is run.
    """
    file = check_writable(path, force=force)
    page({"title": ""})
    stream = samples if isinstance(samples, Stream) else InMemory(samples, snn.program.axes)
    facts = collect(snn, stream, timesteps, title=title or snn.proto.graph.name, progress=progress, **options)
    with writing(file) as partial:
        partial.write_text(page(facts), encoding="utf-8")
    figures: dict[str, Any] = facts["figures"]
    return figures
