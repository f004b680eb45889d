"""Collects what a report shows, as values that JSON can say."""

import platform
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from onnx2snn.data.samples import first
from onnx2snn.data.streams.base import Stream
from onnx2snn.evaluation.evaluation import Streaming, evaluate
from onnx2snn.evaluation.wiring import name_of
from onnx2snn.report.answers import Answers
from onnx2snn.report.layout import graph_of
from onnx2snn.report.recording import SAMPLES, Recorder
from onnx2snn.settings.conversion import changed
from onnx2snn.version import VERSION
from onnx2snn_runtime.ir.recurrence import neurons_of
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.settings import OVERRIDES, make_settings

Progress = Callable[[str, float], None]
OBSERVED, BATCH = 16, 4
"""Samples that populations are observed on, and how many at a time."""
MEASURES = [["own_error", "own error"], ["error", "error"], ["events_per_neuron", "events a neuron"],
            ["saturated", "saturated"], ["silent", "silent"]]  # fmt: skip
COLOURS = ["#2a4d8f", "#2f7fb8", "#43b0a6", "#a5d36a", "#f6c945", "#ee7b3b", "#c6303e"]
LIBRARIES = ("torch", "onnxruntime-gpu", "onnxruntime", "onnx", "numpy", "plotly")


def collect(
    snn: SpikingModel,
    stream: Stream,
    timesteps: Sequence[int],
    *,
    title: str,
    progress: Progress | None,
    **options: Any,
) -> dict[str, Any]:
    """Return the facts of a report: figures on all samples of `stream`, populations on the first of them.

    `options` are those of `evaluate`.
    """
    steps = sorted({*timesteps, snn.defaults.timesteps})
    answers = Answers(snn.defaults.timesteps)
    figures = evaluate(
        snn, stream, steps, by_layer=True, progress=progress, streaming=Streaming(workers=answers), **options
    )
    overrides = {name: value for name, value in options.items() if name in OVERRIDES}
    few = stream.read(range(min(OBSERVED, len(stream))))
    recorder = Recorder(make_settings(snn.defaults, overrides).dynamics, steps)
    inputs = first(few.inputs, OBSERVED, snn.program.axes)
    snn.observe(inputs, steps, recorder, batch_size=BATCH, **overrides)
    found = [tally.figures(recorder.samples) for tally in recorder.tallies.values()]
    names = {name_of(node): None for node in neurons_of(snn.proto.graph)}
    return {
        "title": title,
        "data": Path(stream.where).name,
        "timesteps": [str(t) for t in steps],
        "own_timesteps": str(snn.defaults.timesteps),
        "figures": figures,
        "observed": recorder.samples,
        "recorded": list(range(min(SAMPLES, recorder.samples))),
        "populations": [one.as_dict() | recorder.described(one.name) for one in found],
        "graph": graph_of(snn.proto, [one.name for one in found if one.name in names]),
        "answers": answers.facts(stream),
        "measures": MEASURES,
        "colours": COLOURS,
        "settings": _settings(snn, overrides),
        "versions": _versions(snn),
    }


def _settings(snn: SpikingModel, overrides: dict[str, Any]) -> list[list[str]]:
    """Return the settings of the network, what its conversion was asked for, and what this run overrides."""
    d = snn.defaults
    shown = {"dynamics": d.dynamics, "schedule": d.schedule, "encoder": d.encoder, "timesteps": d.timesteps,
             "neurons": d.neurons, "delay": d.delay}  # fmt: skip
    asked = {f"converted with {name}": value for name, value in changed(d.settings).items()} if d.settings else {}
    calibration = {f"calibration: {name.replace('_', ' ')}": value for name, value in d.calibration.items()}
    own = {f"this run: {name}": value for name, value in overrides.items()}
    return [[name, str(value)] for name, value in {**shown, **asked, **calibration, **own}.items()]


def _versions(snn: SpikingModel) -> list[list[str]]:
    found = [["onnx2snn", VERSION], ["the file's producer", snn.defaults.producer or "not recorded"],
             ["spiking IR", str(snn.defaults.ir_version)], ["Python", platform.python_version()]]  # fmt: skip
    for name in LIBRARIES:
        try:
            found.append([name, metadata.version(name)])
        except metadata.PackageNotFoundError:
            continue
    return [*found, ["device", f"{snn.program.device}, {platform.machine()}"]]
