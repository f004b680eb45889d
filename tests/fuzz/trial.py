"""What is tried with a random graph: conversion, every way to run it, its file, the figures beside onnxruntime's."""

import math
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

import onnx2snn
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.model import SpikingModel
from tests.fuzz.graphs import Case, make, rectifying
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
    notes: tuple[str, ...] = ()
    """What was tried, such as "option settled": all that ran to its end."""
    error: float = math.nan
    """The relative error of a graph that was compared with onnxruntime."""


_notes: list[str] = []
"""Those of the trial that is being made."""
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
    _notes.clear()
    return replace(_end(trial), notes=tuple(_notes))


def _end(trial: Callable[[], Outcome]) -> Outcome:
    try:
        return trial()
    except onnx2snn.Onnx2SnnError as error:
        text = str(error)
        unforeseen = "fault of onnx2snn" in text or " failed (" in text or " failed at " in text or "\n" in text
        return Outcome("fault" if unforeseen else "refused", text)
    except Exception as error:  # noqa: BLE001 - that none escapes is what is tried here
        return Outcome("traceback", f"{type(error).__name__}: {error}")


def convert_and_run(case: Case, seed: int) -> Outcome:
    """Return how the conversion of `case` and some of the ways to run it, chosen by `seed`, went."""
    draw = np.random.default_rng([seed, 1])
    options = _conversion(draw)
    finest = {} if "payload" in options else {"levels": 24, "mantissa": 8, "timesteps": T}
    snn = onnx2snn.convert(case.model, case.inputs, adapt=False, **finest, **options)
    _notes.extend(f"conversion {name} {value}" for name, value in options.items())
    plain = named(snn, snn(case.inputs, timesteps=T))
    _notes.append("executor layer")
    missing = [name for name in case.expected if name not in plain]
    if missing:
        return Outcome("wrong", f"no output {missing[0]!r}")
    for name, value in case.expected.items():
        if plain[name].shape != value.shape:
            return Outcome("wrong", f"{name!r} has the shape {plain[name].shape} for {value.shape}")
    try_options(snn, case, plain, draw, exact="weights" not in options, others=RATES if rectifying(seed) else OTHER)
    if options.get("encoder", "direct") != "direct" or {"payload", "weights"} & set(options):
        return Outcome("ok")
    _notes.append("compared")
    return compared(case, max(relative(case.expected[name], plain[name]) for name in case.expected))


def compared(case: Case, error: float) -> Outcome:
    """Return the outcome of an error relative to onnxruntime; what one step or float32 explains is counted apart."""
    if error <= LIMIT:
        return Outcome("ok", error=error)
    if case.discontinuous:
        return Outcome("discontinuous", f"error {error:.2%}", error=error)
    if moves(case) > 1e-3:
        return Outcome("ill-conditioned", f"error {error:.2%}", error=error)
    return Outcome("wrong", f"error {error:.2%} at T={T}", error=error)


def _conversion(draw: np.random.Generator) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if draw.random() < 0.2:
        options["scale"] = str(draw.choice(["channel", "neuron"]))
    if draw.random() < 0.15:
        options["neurons"] = "elementwise"
    if draw.random() < 0.1:
        options["encoder"] = str(draw.choice(["differential", "float", "spike", "stochastic_spike"]))
    other = np.random.default_rng(int(draw.integers(2**32)))
    if other.random() < 0.15:
        options["recurrence"] = str(other.choice(["rolled", "unrolled"]))
    if other.random() < 0.06:
        options["weights"] = "int8"
    if other.random() < 0.08 and "encoder" not in options:
        options["payload"] = str(other.choice(["power", "ternary", "binary"]))
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
OTHER: dict[str, Callable[[SpikingModel, Any, str], Any]] = {
    "stable": lambda snn, x, _: snn(x, timesteps=T, early_exit="stable", stable_steps=2, exit_every=3),
    "delay": lambda snn, x, way: snn(x, timesteps=4, delay=1, executor=way),
    "signgd": lambda snn, x, way: snn(x, timesteps=4, dynamics="signgd", schedule="inverse", executor=way),
    "momentum": lambda snn, x, way: snn(
        x, timesteps=4, dynamics="signgd", dynamics_options={"momentum": 0.5}, executor=way
    ),
    "subgradient": lambda snn, x, way: snn(x, timesteps=4, dynamics="subgradient", executor=way),
    "if": lambda snn, x, way: snn(x, timesteps=4, dynamics="if", executor=way),
    "lif": lambda snn, x, way: snn(x, timesteps=4, dynamics="lif", executor=way),
    "double": lambda snn, x, way: _from_file(snn, dtype="float64")(x, timesteps=4, executor=way),
    "half": lambda snn, x, way: _from_file(snn, dtype="bfloat16")(x, timesteps=4, executor=way),
}


RATES = ("if", "lif", "subgradient")
"""Dynamics that express rectifiers alone."""


def try_options(
    snn: SpikingModel,
    case: Case,
    plain: Outputs,
    draw: np.random.Generator,
    *,
    exact: bool = True,
    others: Iterable[str] = OTHER,
) -> None:
    """Run `snn` in some of the ways; those that must change nothing are held to `plain`.

    The IR is held to onnxruntime where its weights are `exact`; one of `others` gives other numbers.
    """
    onnxruntime = run_ann(snn.proto, case.inputs, 12, fixed=snn.defaults.batch)
    _notes.append("option onnxruntime")
    for name, value in case.expected.items():
        gap = relative(value, onnxruntime[name])
        if gap > 1e-2 and exact and not case.discontinuous:
            raise AssertionError(f"the IR in onnxruntime is off by {gap:.2%} in {name!r}")
    for way in draw.choice(list(SAME), 2, replace=False):
        _same(str(way), snn, case, plain)
    way, executor = str(draw.choice(list(others))), str(draw.choice(["layer", "step", "event"]))
    try:
        OTHER[way](snn, case.inputs, executor)
        _notes.extend([f"option {way}", *([f"executor {executor}"] if way != "stable" else [])])
    except onnx2snn.UnsupportedError:
        _notes.append(f"option {way}, refused")  # a dynamics that expresses rectifiers alone
    except onnx2snn.InputError as error:
        if "classes" not in str(error) and "direct" not in str(error):
            raise
        _notes.append(f"option {way}, refused")


def _same(way: str, snn: SpikingModel, case: Case, plain: Outputs) -> None:
    """Run `snn` in a way that must change nothing but the order of summation."""
    encoder, dynamics = snn.defaults.encoder, snn.defaults.dynamics
    if way == "settled" and (encoder not in ("direct", "differential") or dynamics != "differential"):
        return  # refused: these never settle
    got = named(snn, SAME[way](snn, case.inputs))
    _notes.extend([f"option {way}", *([f"executor {way}"] if way in ("step", "event") else [])])
    for name, value in plain.items():
        gap = relative(value, got[name])
        if gap > 1e-3 and encoder != "stochastic_spike" and not case.discontinuous and moves(case) <= 1e-3:
            raise AssertionError(f"{way} gives other numbers than layer: {gap:.2%} in {name!r}")


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
