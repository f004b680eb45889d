"""What is tried with a random graph: conversion, every way to run it, its file, the figures beside onnxruntime's."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

import onnx2snn
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.model import SpikingModel
from tests.fuzz.graphs import Case, make
from tests.fuzz.reference import moves

LIMIT = 0.01
T = 16
Outputs = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Outcome:
    """How a trial ended: a kind, and what is to be said of it.

    ok, refused (one sentence), fault (a sentence on something unforeseen), invalid (no case at all), discontinuous and
    ill-conditioned (an error that float32 or a step explains), or one of FAILURES.
    """

    kind: str
    text: str = ""


FAILURES = ("traceback", "wrong", "death", "hang")


def failures(kind: str) -> tuple[str, ...]:
    """Return the ends that are failures: of a valid graph an unforeseen error is one, even where it is a sentence."""
    return (*FAILURES, "fault") if kind == "graphs" else FAILURES


def graph(seed: int) -> Outcome:
    """Try the random graph `seed`."""
    case = make(seed)
    return Outcome("invalid") if case is None else outcome(lambda: convert_and_run(case, seed))


def outcome(trial: Callable[[], Outcome]) -> Outcome:
    """Return how `trial` ended; sentences are refusals, or faults where they say that something failed unforeseen."""
    try:
        return trial()
    except onnx2snn.Onnx2SnnError as error:
        text = str(error)
        unforeseen = "fault of onnx2snn" in text or " failed (" in text or " failed at " in text or "\n" in text
        return Outcome("fault" if unforeseen else "refused", text)
    except Exception as error:  # noqa: BLE001 - that none escapes is what is tried here
        return Outcome("traceback", f"{type(error).__name__}: {error}")


def convert_and_run(case: Case, seed: int) -> Outcome:
    """Return how the conversion of `case` and one of the ways to run it, chosen by `seed`, went."""
    draw = np.random.default_rng([seed, 1])
    options = _conversion(draw)
    snn = onnx2snn.convert(case.model, case.inputs, adapt=False, timesteps=T, levels=24, mantissa=8, **options)
    plain = named(snn, snn(case.inputs, timesteps=T))
    missing = [name for name in case.expected if name not in plain]
    if missing:
        return Outcome("wrong", f"no output {missing[0]!r}")
    for name, value in case.expected.items():
        if plain[name].shape != value.shape:
            return Outcome("wrong", f"{name!r} has the shape {plain[name].shape} for {value.shape}")
    try_options(snn, case, plain, draw)
    if options.get("encoder", "direct") != "direct":
        return Outcome("ok")
    error = max(relative(case.expected[name], plain[name]) for name in case.expected)
    if error <= LIMIT:
        return Outcome("ok")
    if case.discontinuous:
        return Outcome("discontinuous", f"error {error:.2%}")
    if moves(case) > 1e-3:
        return Outcome("ill-conditioned", f"error {error:.2%}")
    return Outcome("wrong", f"error {error:.2%} at T={T}")


def _conversion(draw: np.random.Generator) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if draw.random() < 0.2:
        options["scale"] = str(draw.choice(["channel", "neuron"]))
    if draw.random() < 0.15:
        options["neurons"] = "elementwise"
    if draw.random() < 0.1:
        options["encoder"] = str(draw.choice(["differential", "float", "spike", "stochastic_spike"]))
    return options


SAME: dict[str, Callable[[SpikingModel, Any], Any]] = {
    "step": lambda snn, x: snn(x, timesteps=T, executor="step"),
    "event": lambda snn, x: snn(x, timesteps=T, executor="event"),
    "batches": lambda snn, x: snn(x, timesteps=T, batch_size=5),
    "memory": lambda snn, x: snn(x, timesteps=T, max_memory=2**20),
    "settled": lambda snn, x: snn(x, timesteps=T, early_exit="settled"),
    "probes": lambda snn, x: snn.run(x, T, probes=["events", "rates", "spikes", "values", "errors"]).outputs[T],
    "operations": lambda snn, x: snn.run(x, [1, T], operations=True).outputs[T],
    "file": lambda snn, x: _from_file(snn)(x, timesteps=T),
    "stream": lambda snn, x: _stream(snn, x),
    "graphs": lambda snn, x: snn(x, timesteps=T, cuda_graphs="auto"),
}
OTHER: dict[str, Callable[[SpikingModel, Any], Any]] = {
    "stable": lambda snn, x: snn(x, timesteps=T, early_exit="stable", stable_steps=2, exit_every=3),
    "delay": lambda snn, x: snn(x, timesteps=4, delay=1),
    "signgd": lambda snn, x: snn(x, timesteps=4, dynamics="signgd", schedule="inverse"),
    "momentum": lambda snn, x: snn(x, timesteps=4, dynamics="signgd", dynamics_options={"momentum": 0.5}),
    "subgradient": lambda snn, x: snn(x, timesteps=4, dynamics="subgradient"),
    "if": lambda snn, x: snn(x, timesteps=4, dynamics="if"),
    "lif": lambda snn, x: snn(x, timesteps=4, dynamics="lif"),
    "double": lambda snn, x: _from_file(snn, dtype="float64")(x, timesteps=4),
    "half": lambda snn, x: _from_file(snn, dtype="bfloat16")(x, timesteps=4),
}


def try_options(snn: SpikingModel, case: Case, plain: Outputs, draw: np.random.Generator) -> None:
    """Run `snn` in some of the ways; those that must change nothing are held to `plain`."""
    onnxruntime = run_ann(snn.proto, case.inputs, 12, fixed=snn.defaults.batch)
    for name, value in case.expected.items():
        gap = relative(value, onnxruntime[name])
        if gap > 1e-2 and not case.discontinuous:
            raise AssertionError(f"the IR in onnxruntime is off by {gap:.2%} in {name!r}")
    random = snn.defaults.encoder == "stochastic_spike"
    for way in draw.choice(list(SAME), 2, replace=False):
        if way == "settled" and snn.defaults.encoder not in ("direct", "differential"):
            continue  # refused: these never settle
        got = named(snn, SAME[way](snn, case.inputs))
        for name, value in plain.items():
            gap = relative(value, got[name])
            if gap > 1e-3 and not random and not case.discontinuous and moves(case) <= 1e-3:
                raise AssertionError(f"{way} gives other numbers than layer: {gap:.2%} in {name!r}")
    way = str(draw.choice(list(OTHER)))
    try:
        OTHER[way](snn, case.inputs)
    except onnx2snn.UnsupportedError:
        pass  # a dynamics that expresses rectifiers alone
    except onnx2snn.InputError as error:
        if "classes" not in str(error) and "direct" not in str(error):
            raise


def _from_file(snn: SpikingModel, **options: Any) -> SpikingModel:
    with tempfile.TemporaryDirectory() as folder:
        snn.save(Path(folder, "a.onnx"))
        onnx.checker.check_model(str(Path(folder, "a.onnx")))
        return onnx2snn.load(Path(folder, "a.onnx"), **options)


def _stream(snn: SpikingModel, x: Any) -> Any:
    if snn.defaults.batch:
        return snn(x, timesteps=T)
    snn.reset()
    for _ in range(T):
        y = snn.step(x)
    snn.reset()
    return y


def named(snn: SpikingModel, outputs: Any) -> dict[str, np.ndarray]:
    """Return outputs by name."""
    return outputs if isinstance(outputs, dict) else {snn.program.outputs[0].name: outputs}


def relative(expected: np.ndarray, value: np.ndarray) -> float:
    """Return |value - expected| / |expected|, of integers and booleans the share that differs."""
    a, b = np.asarray(expected, np.float64), np.asarray(value, np.float64)
    if a.shape != b.shape:
        return float("inf")
    if expected.dtype.kind != "f":
        return float((a != b).mean()) if a.size else 0.0
    if not np.isfinite(b).all():
        return float("inf") if np.isfinite(a).all() else 0.0
    norm, gap = np.linalg.norm(a), np.linalg.norm(a - b)
    return float(gap / norm) if norm > 1e-6 else float(gap)
