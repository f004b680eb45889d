"""Ways to run a network on fake tensors of a device, each made twice and watched the second time: see `fake_device`.

Where a run waits for numbers by design (which samples have finished, which streams are unsure) it is told some.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import numpy as np
import onnx
import torch

from onnx2snn_runtime.batches import early_exit, refining, scene_cut, stream, stream_meter
from onnx2snn_runtime.batches.exit_rules import EarlyExit
from onnx2snn_runtime.batches.refining import Refining
from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.encoders import poisson, stochastic_spike
from onnx2snn_runtime.execution.base import Execution, Settings, make_execution
from onnx2snn_runtime.kernels import launch
from onnx2snn_runtime.kernels.layout import TARGETS, Chunk
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.probing import counting
from onnx2snn_runtime.probing.counting import OperationCounter
from onnx2snn_runtime.probing.probes import READERS, EventCounter, Recorder
from onnx2snn_runtime.program import program as program_module
from onnx2snn_runtime.program.inputs import to_device
from onnx2snn_runtime.program.interpreter import to_tensor
from onnx2snn_runtime.program.rectifiers import check_expressible
from onnx2snn_runtime.settings import make_settings
from tests.runtime.fake_modes import DEVICE, AbsentDevice, OnTheHost, RealHost
from tests.runtime.networks import sample

STEPS = 3
SAMPLES = 2

ON_HOST = (
    *((module, "chosen") for module in (refining, scene_cut, stream_meter)),
    *((module, "uniform") for module in (poisson, stochastic_spike)),
)
"""Allowed on the host, as nothing waits: the rows that a wait has told, and the draws of random encoders."""

Tensors = Mapping[str, torch.Tensor]
Outputs = Mapping[Any, Tensors]


@dataclass
class Trial:
    """A network whose weights and inputs are on the device, and how it is to be run."""

    model: SpikingModel
    executor: str
    settings: Settings
    overrides: Mapping[str, Any]
    inputs: Tensors
    moving: Tensors
    """The inputs of which the first that is no integer is x[T, ...]."""
    varying: list[str]

    def execution(self, *probes: Any, chunk: int = 0) -> Execution:
        settings = replace(self.settings, probes=(EventCounter(SAMPLES), *probes), chunk=chunk)
        return make_execution(self.executor, self.model.program, settings)

    def stream(self, **options: Any) -> Any:
        return self.model.stream(2, executor=self.executor, **options, **self.overrides)


def plain(trial: Trial) -> Outputs:
    return trial.execution().run(trial.inputs, [], [1, STEPS])


def chunks(trial: Trial) -> Outputs:
    """Two chunks of time, of which the second goes on."""
    return trial.execution(chunk=2).run(trial.inputs, [], [1, STEPS])


def moving(trial: Trial) -> Outputs:
    """An input x[T, ...]."""
    return trial.execution(chunk=2).run(trial.moving, trial.varying, [1, STEPS])


def recorded(trial: Trial) -> Outputs:
    """Probes of spikes, estimates and errors."""
    recorders = [Recorder(reader) for reader in READERS.values()]
    made = trial.execution(*recorders).run(trial.inputs, [], [1, STEPS])
    return {**made, **{i: each.table() for i, each in enumerate(recorders)}}


def operations(trial: Trial) -> Outputs:
    """What is computed is counted, as `batches.batch_run` has it: by currents where receivers filter."""
    program = trial.model.program
    counter = OperationCounter(program, trial.settings, SAMPLES)
    if counter.needs_spikes and counter.plan.observes_currents and trial.executor != "event":
        return plain(trial)
    made = trial.execution(counter).run(trial.inputs, [], [1, STEPS])
    rows = [torch.cat([counts for _, counts in row]) for row in counter.ledger._rows.values()]
    return {**made, "counts": dict(enumerate(rows))}


def exit_stable(trial: Trial) -> Outputs:
    return _exit(trial, "stable")


def exit_settled(trial: Trial) -> Outputs:
    return _exit(trial, "settled")


def _exit(trial: Trial, rule: str) -> Outputs:
    """A sample leaves the batch after every check."""
    first = torch.zeros(1, dtype=torch.int64, device=trial.model.program.device)
    with (
        mock.patch.object(early_exit, "counted", return_value=[1, 1]),
        mock.patch.object(early_exit, "places", return_value=first),
    ):
        batch = early_exit._ShrinkingBatch(trial.execution(), trial.inputs, EarlyExit(rule))
        return {t: batch.advance(1)[t] for t in range(1, STEPS + 1)}


def streamed(trial: Trial) -> Outputs:
    """Frames one after the other."""
    return _frames(trial.stream(), trial)


def cut(trial: Trial) -> Outputs:
    """One of two streams begins anew at every frame."""
    with mock.patch.object(stream, "relative_change", return_value=np.array([0.0, 2.0])):
        return _frames(trial.stream(reset_above=1.0), trial)


def counted_stream(trial: Trial) -> Outputs:
    """Frames whose operations are counted."""
    return _frames(trial.stream(operations=True), trial)


def refined(trial: Trial) -> Outputs:
    """One of two streams is unsure after a coarse pass."""
    with mock.patch.object(Refining, "unsure", return_value=[0]):
        return _frames(trial.stream(coarse=1, margin=0.5), trial)


def _frames(taking: Any, trial: Trial) -> Outputs:
    made = [taking(dict(trial.inputs)) for _ in range(2)]
    return {t: each if isinstance(each, dict) else {"": each} for t, each in enumerate(made)}


WAYS: dict[str, Callable[[Trial], Outputs]] = {
    each.__name__: each
    for each in (
        plain, chunks, moving, recorded, operations, exit_stable, exit_settled, streamed, cut, counted_stream, refined,
    )
}  # fmt: skip
BY_SAMPLES = ("exit_stable", "exit_settled", "cut", "refined")
"""Ways that find out where the samples lie, by a step of one sample and one of two, which no plan is kept for."""


def fits(way: str, model: SpikingModel, executor: str, settings: Settings) -> bool:
    """Return whether `model` can be run in this way, by the rules that the runtime refuses others by."""
    differential, changes = isinstance(settings.dynamics, Differential), settings.dynamics.payload == "change"
    if way == "moving":
        return any(port.type == onnx.TensorProto.FLOAT for port in model.program.inputs)
    if way in ("operations", "counted_stream"):
        return not settings.delay
    if way == "cut":
        return changes and not settings.encoder
    if way == "exit_settled" and not (differential and settings.encoder is None):
        return False
    if way == "refined":
        return differential and executor != "event"
    return not way.startswith("exit") or executor != "event"


def run(
    model: SpikingModel,
    executor: str,
    way: str = "plain",
    *,
    kernels: bool = False,
    dtype: torch.dtype | None = None,
    modes: Sequence[Any] = (),
    **overrides: Any,
) -> None:
    """Run `model` on fake tensors of a device twice; what the second run does on the host raises AssertionError.

    With `kernels` those of Triton are found, and not launched. The executor `layer` keeps shapes, and what comes of
    them; others compute that on the host in every run, as `layer` does for what is decoded. `modes` watch as well.
    """
    model = model if dtype is None else model.to(dtype)
    settings = make_settings(model.defaults, overrides)
    check_expressible(model.program, settings.dynamics)
    given = {name: to_tensor(value) for name, value in sample(model, SAMPLES).items()}
    reaches = Reaches(model, settings, given) if way in ("operations", "counted_stream") else None
    with AbsentDevice() as mode, RealHost(mode), torch.no_grad(), ExitStack() as stack:
        move(model, mode)
        if reaches:
            stack.enter_context(mock.patch.object(counting, "reach_of", reaches.on(mode)))
        if kernels:
            stack.enter_context(unlaunched())
        ports = {port.name: port for port in model.program.inputs}
        inputs = {n: to_device(mode.from_tensor(given[n]), port, model.program) for n, port in ports.items()}
        varying = [name for name, x in inputs.items() if x.is_floating_point()][:1]
        steps = inputs | {name: torch.stack([inputs[name]] * STEPS) for name in varying}
        trial = Trial(model, executor, settings, overrides, inputs, steps, varying)
        WAYS[way](trial)
        outputs = watched(lambda: WAYS[way](trial), modes, shapes=executor != "layer" or way in BY_SAMPLES)
    assert all(y.device.type == DEVICE for values in outputs.values() for y in values.values())


def watched(function: Callable[[], Outputs], modes: Sequence[Any], shapes: bool) -> Outputs:
    """Return function(); what it does on the host raises AssertionError, but for shape arithmetic if `shapes`."""
    with OnTheHost() as host, ExitStack() as stack:
        if shapes:
            stack.enter_context(host.excusing_shapes())
        else:
            stack.enter_context(host.excusing_shapes_of(Execution, "decode_outputs"))
        for module, name in ON_HOST:
            stack.enter_context(host.excusing(module, name))
        for mode in modes:
            stack.enter_context(mode)
        outputs = function()
    assert not host.found, f"made on the host: {', '.join(sorted(set(host.found)))}"
    return outputs


def move(model: SpikingModel, mode: AbsentDevice) -> None:
    """Move the program of `model` to fake tensors; what is read of constants once, by the host, is that of the real."""
    program = model.program
    held, ceilings = program._host_values, program.ceilings
    with mock.patch.object(program_module, "host_values", return_value=held):
        program._apply(lambda tensor: mode.from_tensor(tensor).to(DEVICE))
    program.ceilings = ceilings


class Reaches:
    """The weights that spikes meet, worked out on the host: they are read once for the shapes of the inputs."""

    def __init__(self, model: SpikingModel, settings: Settings, inputs: Tensors) -> None:
        for executor in ("step", "layer"):
            model.run(dict(inputs), STEPS, executor=executor, operations=True, dynamics="differential")
        placed = {port.name: to_device(inputs[port.name], port, model.program) for port in model.program.inputs}
        self.reach = counting.reach_of(model.program, settings, placed, SAMPLES)

    def on(self, mode: AbsentDevice) -> Callable[..., Any]:
        """Return what stands in for `reach_of`."""

        def moved(x: torch.Tensor | None) -> torch.Tensor | None:
            return None if x is None else mode.from_tensor(x.contiguous()).to(DEVICE)

        r = self.reach
        patterns = {n: [replace(p, fan=moved(p.fan)) for p in own] for n, own in r.patterns.items()}
        seen = {n: [replace(s, rest=moved(s.rest)) for s in own] for n, own in r.seen.items()}
        tables = {n: {k: moved(x) for k, x in getattr(r, n).items()} for n in ("fans", "operands", "likes", "flat")}
        direct = [(layer, item, index, moved(fan)) for layer, item, index, fan in r.direct]
        caches = {n: {} for n in ("tallied", "held", "units", "shares")}  # of what the host computed
        made = replace(r, patterns=patterns, seen=seen, direct=direct, **tables, **caches)
        return lambda *_: made


@contextmanager
def unlaunched() -> Iterator[None]:
    """Let the device be one that Triton's kernels fit, and leave out their launch; their results are not written."""

    def launched(name: str, chunk: Chunk, slots: Mapping[str, Any]) -> None:
        given: Sequence[Any] = (*chunk.arguments.values(), *slots.values())
        assert {x.device.type for x in given if isinstance(x, torch.Tensor)} == {DEVICE}

    def fitting(target: torch.Tensor) -> bool:
        return target.dtype in TARGETS and target.device.type == DEVICE

    with mock.patch.object(launch, "launch", launched), mock.patch.object(launch, "fits", fitting):
        yield
