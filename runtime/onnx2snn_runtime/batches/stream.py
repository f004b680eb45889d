"""A stream of frames: a network that keeps its estimates from one frame to the next, and sends what has changed.

A frame is the input of one run, [samples, ...]: the samples are streams side by side. Of a rolled recurrence a frame is
one position of the sequence, and there is one of each neuron: see `batches.frames`.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Any

import numpy as np
import torch

from onnx2snn_runtime.batches.arrays import Output, checked, one_batch, returned
from onnx2snn_runtime.batches.batching import Batch, are_stacked
from onnx2snn_runtime.batches.early_exit import batch_axes
from onnx2snn_runtime.batches.frames import Pairs, one_frame
from onnx2snn_runtime.batches.positions import lengths_of, program_for
from onnx2snn_runtime.batches.scene_cut import relative_change, without
from onnx2snn_runtime.batches.stream_frame import StreamFrame
from onnx2snn_runtime.batches.stream_running import Running, Shapes, StreamOptions, begin
from onnx2snn_runtime.batches.stream_state import check_arrays
from onnx2snn_runtime.errors import InputError, Stage
from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.program.inputs import to_device
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.program.real_samples import TORCH


class Stream:
    """Takes frames one by one: see `SpikingModel.stream`. `last` tells what the last frame did."""

    def __init__(self, program: Program, settings: Settings, options: StreamOptions) -> None:
        self._whole, self._settings, self._options = program, settings, options
        self._one: tuple[Program, Pairs] | None = None
        if program.rolled is not None and not options.sequences:
            self._one = one_frame(program)
        self._running: Running | None = None
        self._pending: Mapping[str, np.ndarray] | None = None
        self._frames = 0
        self._last: StreamFrame | None = None

    @property
    def last(self) -> StreamFrame:
        """What the last frame did; before the first it raises InputError."""
        if self._last is None:
            raise InputError("no frame has come to the stream yet: give it one first")
        return self._last

    @property
    def events(self) -> Mapping[str, int]:
        """The spikes of the last frame, by population."""
        return self.last.events_by_population

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all frames: the next one is the first."""
        self._running, self._pending, self._frames = None, None, 0

    @Stage("running a frame of the stream")
    @torch.no_grad()
    def __call__(self, x: Any) -> Output:
        """Return the outputs after the frame `x`, a sample a stream; what is no such frame raises InputError."""
        inputs = checked(self._whole, x)
        batch = one_batch(inputs, self._whole)
        program = self._program_for(inputs)
        given = {p.name: to_device(batch.inputs[p.name], p, program) for p in self._whole.inputs}
        reset = self._begin(program, batch, given)
        made = self._advance(given)
        stacked, axes = are_stacked(inputs, self._whole), self._whole.axes
        joined = {
            port.name: axes.join(port.name, [made[port.name]], [batch.samples], TORCH, stacked=stacked)
            for port in self._whole.outputs
        }
        outputs = returned(self._whole, {name: _own(value) for name, value in joined.items()}, x)
        self._frames += 1
        steps, refined = self._options.timesteps, self._now.refined
        counts = self._now.meter.counts(steps, refined)
        self._last = StreamFrame(self._frames, steps, batch.samples, outputs, reset, counts, refined)
        return outputs

    @property
    def _now(self) -> Running:
        if self._running is None:
            raise InputError("no frame has come to the stream yet: give it one first")
        return self._running

    def _program_for(self, inputs: dict[str, Tensor]) -> Program:
        """Return the program of this frame; one that does not go on with those before raises InputError."""
        if self._one is None:
            program = program_for(self._whole, inputs)
            if self._running and program is not self._running.execution.program:
                raise InputError("a sequence of another length came to a stream: call reset() to start anew")
            return program
        longest = max(lengths_of(self._whole, inputs).values())
        if longest != 1:
            raise InputError(f"a frame is a sequence of one position, and this one has {longest}")
        return self._one[0]

    def _begin(self, program: Program, batch: Batch, given: dict[str, Tensor]) -> tuple[int, ...]:
        """Make ready for the frame `given`; return the streams that begin anew before it."""
        shapes = {name: tuple(value.shape) for name, value in given.items()}
        if self._running is None:
            running = self._start(program, batch.samples, shapes)
            if self._pending is not None:
                running.resume(self._pending, given)
            self._running, self._pending = running, None
        elif batch.samples != self._running.samples:
            raise InputError(
                f"{batch.samples} samples came to a stream of {self._running.samples}: call reset() to start anew"
            )
        elif shapes != self._running.shapes:
            name = next(n for n in shapes if shapes[n] != self._running.shapes[n])
            raise InputError(
                f"a frame of the shape {shapes[name]} came to a stream of {self._running.shapes[name]} ({name!r}): "
                "call reset() to start anew"
            )
        return self._cut(program, batch, given)

    def _start(self, program: Program, samples: int, shapes: Shapes) -> Running:
        return begin(program, self._settings, self._options, samples, shapes)

    def _cut(self, program: Program, batch: Batch, given: dict[str, Tensor]) -> tuple[int, ...]:
        """Let the streams whose frame has jumped begin anew, and return them."""
        now, above = self._now, self._options.reset_above
        if above is None:
            return ()
        before, now.given = now.given, {name: value.clone() for name, value in given.items()}
        if not before:
            return ()
        change = relative_change(given, before, self._whole.inputs)[: batch.samples]
        rows = [index for index, share in enumerate(change.tolist()) if not share <= above]
        if not rows:
            return ()
        if len(rows) == len(change):
            self._running = self._start(program, batch.samples, now.shapes)
            self._now.given = now.given
            return tuple(range(batch.samples))
        execution = now.execution
        axes = None if self._one else batch_axes(execution, given, len(change))
        along = {port.name: port.axis for port in self._whole.inputs}
        execution.states = without(execution.states, rows, axes or {})
        execution.inputs = without(execution.inputs, rows, along)
        now.meter.resume(execution, given, rows)
        return tuple(rows)

    def _advance(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the outputs after the time steps of a frame, by name."""
        if self._options.restart and self._settings.dynamics.payload == "change":
            self._now.execution.t = 0
        pairs = self._one[1] if self._one else {}
        return self._now.advance(self._whole, given, pairs, self._options)

    def state(self) -> dict[str, np.ndarray]:
        """Return what the stream knows of its frames, as arrays by name: `np.savez` and pickle take them."""
        if self._running is None:
            if self._pending is not None:
                return dict(self._pending)
            raise InputError("no frame has come to the stream yet: there is no state")
        return self._running.arrays(self._frames)

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from `state`, which `state()` returned; that of another network raises InputError."""
        program = self._one[0] if self._one else self._whole
        known = {item.output for item in program.populations}
        arrays = check_arrays(state, known if program.rolled is None else set())
        self.reset()
        self._pending, self._frames = arrays, int(arrays["frames"])

    def __getstate__(self) -> dict[str, Any]:
        """Return what copies and pickles hold: the state as arrays, and no executor."""
        begun = self._running is not None or self._pending is not None
        return {**self.__dict__, "_running": None, "_pending": self.state() if begun else None}


def _own(value: Any) -> Any:
    """Return copies: the network goes on with its own estimates."""
    return [_own(each) for each in value] if isinstance(value, list) else value.clone()
