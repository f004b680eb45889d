"""What is tried with damaged models, IR files, data and settings: a result or one sentence, never anything else."""

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from click.testing import CliRunner

import onnx2snn
from onnx2snn.cli import main
from onnx2snn.data.readers import read_samples
from onnx2snn_runtime.model import SpikingModel
from tests.fuzz.graphs import Case, make
from tests.fuzz.mutations import archive, array, bytes_changed, mutate, one
from tests.fuzz.trial import Outcome, outcome

POOL = 60
"""Graphs that are damaged: as many of the seeds from 0 on as are valid and convert."""


@cache
def pool() -> list[tuple[Case, bytes]]:
    """Return valid cases and the bytes of the IR files that they become."""
    found: list[tuple[Case, bytes]] = []
    for seed in range(10 * POOL):
        case = make(seed)
        if case is None or len(found) == POOL:
            continue
        try:
            snn = onnx2snn.convert(case.model, case.inputs, adapt=False, timesteps=4)
        except onnx2snn.Onnx2SnnError:
            continue
        found.append((case, snn.proto.SerializeToString()))
    return found


def case_of(seed: int) -> Case:
    """Return the valid case that the trial `seed` of models damages."""
    case: Case = one(np.random.default_rng([seed, 2]), pool())[0]
    return case


def damaged(seed: int) -> onnx.ModelProto | None:
    """Return the damaged model of a trial; None where the damage is to the bytes of its file."""
    draw = np.random.default_rng([seed, 2])
    changed = mutate(one(draw, pool())[0].model, draw)
    return changed if draw.random() < 0.7 else None


def model(seed: int) -> Outcome:
    """Convert a damaged model: as it is, from a file whose bytes were changed, or by the command line."""
    draw = np.random.default_rng([seed, 2])
    case, _ = one(draw, pool())
    changed = mutate(case.model, draw)
    if draw.random() < 0.7:
        return outcome(lambda: converted(changed, case))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "m.onnx")
        raw = changed.SerializeToString()
        path.write_bytes(raw if draw.random() < 0.3 else bytes_changed(case.model.SerializeToString(), draw))
        if draw.random() < 0.5:
            return outcome(lambda: converted(path, case))
        np.savez(Path(folder, "c.npz"), **case.inputs)
        words = one(draw, (["inspect", path], ["convert", path, "-c", Path(folder, "c.npz"), "--no-adapt"]))
        return _command(words)


def converted(source: Any, case: Case) -> Outcome:
    """Convert `source` with the inputs of `case` and run what comes of it, where these fit."""
    snn = onnx2snn.convert(source, case.inputs, adapt=False)
    if [port.name for port in snn.program.inputs] == list(case.inputs):
        snn(case.inputs, timesteps=2)
    return Outcome("ok")


def ir(seed: int) -> Outcome:
    """Load and run a damaged IR file."""
    draw = np.random.default_rng([seed, 3])
    case, raw = one(draw, pool())
    if draw.random() < 0.5:
        raw = bytes_changed(raw, draw)
    else:
        raw = mutate(onnx.load_from_string(raw), draw).SerializeToString()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "m.snn.onnx")
        path.write_bytes(raw)
        if draw.random() < 0.1:
            np.savez(Path(folder, "x.npz"), **case.inputs)
            words = [one(draw, ("evaluate", "inspect")), path, "-d", Path(folder, "x.npz")]
            return _command(words if words[0] == "evaluate" else words[:2])

        def trial() -> Outcome:
            snn = onnx2snn.load(path)
            snn(case.inputs, timesteps=int(draw.integers(1, 5)), executor=one(draw, ("layer", "step", "event")))
            return Outcome("ok")

        return outcome(trial)


def data(seed: int) -> Outcome:
    """Read a damaged file of samples, or calibrate with and run odd arrays."""
    draw = np.random.default_rng([seed, 4])
    case, raw = one(draw, pool())
    if draw.random() < 0.7:
        with tempfile.TemporaryDirectory() as folder:
            name, content = archive(draw, case.inputs)
            path = Path(folder, name)
            path.write_bytes(content)
            return outcome(lambda: _taken(read_samples(path, list(case.inputs)).inputs, _network(raw), draw))
    odd = {name: array(draw, value) if draw.random() < 0.7 else value for name, value in case.inputs.items()}
    given = one(draw, (odd, next(iter(odd.values()))))
    if draw.random() < 0.3:
        return outcome(lambda: _taken(None, onnx2snn.convert(case.model, given, adapt=False), draw))
    return outcome(lambda: _taken(given, _network(raw), draw))


@cache
def _network(raw: bytes) -> SpikingModel:
    return SpikingModel(onnx.load_from_string(raw))


def _taken(inputs: Any, snn: SpikingModel, draw: np.random.Generator) -> Outcome:
    if inputs is not None:
        snn(inputs, timesteps=2, executor=one(draw, ("layer", "step", "event")))
    return Outcome("ok")


ODD = (0, 1, -1, 3, 2.5, 1e9, float("nan"), float("inf"), None, True, "", "x", "auto", [], {}, (1, 2), [0.5], b"1")
RUN = "timesteps probes executor batch_size operations early_exit stable_steps exit_every cuda_graphs dynamics".split()
RUN += "dynamics_options schedule schedule_options encoder encoder_options delay".split()
CONVERT = "samples timesteps dynamics dynamics_options schedule schedule_options levels mantissa scale range".split()
CONVERT += "neurons encoder delay tolerance budget seed device".split()
OPTIONS = (
    "levels mantissa momentum nesterov dampening weight_decay optimizer threshold reset leak eta rate decay".split()
)
NAMES = (
    "differential signgd subgradient if lif direct float spike layer step event constant inverse sqrt stable".split()
)


def settings(seed: int) -> Outcome:
    """Convert or run with odd settings."""
    draw = np.random.default_rng([seed, 5])
    case, raw = one(draw, pool())
    names = RUN if draw.random() < 0.7 else CONVERT
    options = {str(draw.choice(names)): _odd(draw) for _ in range(int(draw.integers(1, 3)))}
    for name in [name for name in options if name.endswith("_options")]:
        options[name] = {str(draw.choice(OPTIONS)): _odd(draw)} if draw.random() < 0.8 else _odd(draw)
    if options.get("timesteps") == 1e9 or options.get("budget") in (1e9, float("inf")):
        return Outcome("ok")  # not odd, only long
    if names is RUN:
        return outcome(lambda: _ran(_network(raw), case, options))
    return outcome(lambda: _taken(None, onnx2snn.convert(case.model, case.inputs, adapt=False, **options), draw))


def _odd(draw: np.random.Generator) -> Any:
    return one(draw, ODD) if draw.random() < 0.6 else one(draw, NAMES)


def _ran(snn: SpikingModel, case: Case, options: dict[str, Any]) -> Outcome:
    snn.run(case.inputs, **{"timesteps": 2, **options})
    return Outcome("ok")


def _command(words: list[Any]) -> Outcome:
    result = CliRunner().invoke(main, [str(word) for word in words])
    text = result.stderr.strip()
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return Outcome("traceback", f"onnx2snn {words[0]}: {type(result.exception).__name__}: {result.exception}")
    if result.exit_code == 0:
        return Outcome("ok")
    good = "Error: " in text and "Traceback" not in text and "\x1b" not in text
    return Outcome("refused" if good else "traceback", text)


KINDS: dict[str, Callable[[int], Outcome]] = {"models": model, "ir": ir, "data": data, "settings": settings}
