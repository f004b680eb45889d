"""A recurrence over real time: its positions are frames that come one after the other, and there is one of each neuron.

The other reading of a rolled recurrence, the unrolled network, has neurons of their own at every position. Here the
neurons stay: a frame is the input of a sequence of one position, the recurrence goes on from the estimates of the frame
before, and a neuron whose input changed little sends little. Each frame takes a number of time steps.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import onnx
import torch
from onnx import helper

from onnx2snn_runtime.batches.arrays import Output, checked, one_batch, returned
from onnx2snn_runtime.batches.batching import are_stacked
from onnx2snn_runtime.batches.positions import lengths_of
from onnx2snn_runtime.errors import InputError, UnsupportedError
from onnx2snn_runtime.execution.base import Execution, Settings, make_execution
from onnx2snn_runtime.ir.recurrence import body_of, recurrences, unrolled, wiring_of
from onnx2snn_runtime.probing.probes import EventCounter
from onnx2snn_runtime.program.inputs import to_device
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.program.real_samples import TORCH
from onnx2snn_runtime.program.unrolling import initial_states

STATE = "@state/"


class FrameStream:
    """Takes the frames of a sequence one by one: see `SpikingModel.frames`."""

    def __init__(self, program: Program, steps: int, settings: Settings) -> None:
        self._program, self._samples = program, 0
        self._frames = _Frames(program, settings, steps)

    @property
    def events(self) -> dict[str, int]:
        """The spikes of the last frame, by population."""
        return self._frames.events

    def __call__(self, x: Any) -> Output:
        """Return the output after a frame, a sequence of one position."""
        program, inputs = self._program, checked(self._program, x)
        batch = one_batch(inputs, program)
        if self._samples not in (0, batch.samples):
            raise InputError(f"{batch.samples} samples came to a stream of {self._samples}: begin a new one")
        longest = max(lengths_of(program, inputs).values())
        if longest != 1:
            raise InputError(f"a frame is a sequence of one position, and this one has {longest}")
        self._samples = batch.samples
        given = {port.name: to_device(batch.inputs[port.name], port, program) for port in program.inputs}
        made, stacked = self._frames.advance(given, batch.samples), are_stacked(inputs, program)
        joined = {n: program.axes.join(n, [v], [batch.samples], TORCH, stacked=stacked) for n, v in made.items()}
        return returned(program, joined, x)


class _Frames:
    """Runs frame by frame on tensors; `events` counts the spikes of the last frame, by population."""

    def __init__(self, program: Program, settings: Settings, steps: int) -> None:
        if program.rolled is None:
            raise UnsupportedError(
                f"{program.where} holds no rolled recurrence, whose positions could be frames: convert it with "
                "recurrence='rolled', or run it by step()"
            )
        model, self._pairs = _one_frame(program.rolled, program.where)
        self.program = Program(model, program.where, parent=program)
        self.events: dict[str, int] = {}
        self._whole, self._settings, self._steps = program, settings, steps
        self._states: dict[str, Tensor] = {}
        self._execution: Execution | None = None

    @torch.no_grad()
    def advance(self, inputs: Mapping[str, Tensor], samples: int) -> dict[str, Tensor]:
        """Return the outputs after a frame, `inputs` of one position on the device, by name."""
        if not self._states:
            first = initial_states(self._whole, inputs)
            self._states = {name: first[initial] for name, (initial, _) in self._pairs.items()}
        counter = EventCounter(samples, self.program.axes.size)
        execution = self._next(replace(self._settings, probes=(counter,)))
        execution.set_inputs({**inputs, **self._states})
        for _ in range(self._steps):
            execution.advance()
        made = execution.outputs()
        self._states = {name: made[last] for name, (_, last) in self._pairs.items()}
        table = counter.table(self._steps)
        self.events = {name.rpartition("@")[0] or name: int(counts.sum()) for name, counts in table.items()}
        return {port.name: made[port.name] for port in self._whole.outputs}

    def _next(self, settings: Settings) -> Execution:
        """Return an execution that goes on from the estimates of the frame before."""
        execution = make_execution("step", self.program, settings)
        if self._execution is not None:
            execution.t = self._execution.t
            execution.states, execution.inputs = self._execution.states, self._execution.inputs
        self._execution = execution
        return execution


def _one_frame(rolled: onnx.ModelProto, where: str) -> tuple[onnx.ModelProto, dict[str, tuple[str, str]]]:
    """Return the network of one position, its states inputs and outputs: input -> (value at first, output)."""
    model = onnx.ModelProto()
    model.CopyFrom(rolled)
    pairs: dict[str, tuple[str, str]] = {}
    outputs = {value.name for value in model.graph.output}
    for node in recurrences(model.graph):
        wiring, types = wiring_of(node), {v.name: v.type.tensor_type.elem_type for v in body_of(node).input}
        if any(backwards for *_, backwards in wiring.scanned):
            raise UnsupportedError(
                f"{node.name!r} in {where} reads its sequence from the end, and frames come from the start: run whole "
                "sequences"
            )
        for place, (inner, _, initial, last) in enumerate(wiring.carried):
            name = f"{STATE}{inner}"
            pairs[name] = initial, last
            node.input[place] = name
            kind = types[inner] or onnx.TensorProto.FLOAT
            model.graph.input.append(helper.make_tensor_value_info(name, kind, None))
            if last not in outputs:
                model.graph.output.append(helper.make_empty_tensor_value_info(last))
    return unrolled(model, {node.name: 1 for node in recurrences(model.graph)}, weights=False).model, pairs
