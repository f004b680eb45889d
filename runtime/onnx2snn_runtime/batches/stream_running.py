"""A stream at work: the executor of its program, the probes, and what frames have to be like."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from onnx2snn_runtime.batches.frames import Pairs
from onnx2snn_runtime.batches.refining import Axes, Refining, axes_of_streams, refine
from onnx2snn_runtime.batches.stream_meter import StreamMeter
from onnx2snn_runtime.batches.stream_state import array, from_arrays, tensor, to_arrays
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.execution.base import Execution, Settings, make_execution
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.program.unrolling import initial_states

CHUNK = 16
"""Time steps of a frame that are computed at once."""
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class StreamOptions:
    """How a stream runs: `timesteps` a frame, whether `operations` are counted, and by which `executor`.

    `reset_above`: a stream whose frame differs from the one before by more than that share of its norm begins anew.
    With `sequences` a frame of a rolled recurrence is a whole sequence. `restart`: step sizes begin anew every frame.
    With `refining` a frame is computed coarsely first.
    """

    timesteps: int = 1
    operations: bool = False
    reset_above: float | None = None
    executor: str = "layer"
    sequences: bool = False
    restart: bool = True
    refining: Refining | None = None

    def __post_init__(self) -> None:
        if self.reset_above is not None and not self.reset_above > 0:
            raise InputError(f"reset_above is {self.reset_above!r}: give a relative change above 0")


@dataclass
class Running:
    """What is there once a frame has come.

    `shapes` are those of the frames, `carried` the states of a recurrence, `given` the last frame if it is looked at.
    """

    execution: Execution
    meter: StreamMeter
    samples: int
    shapes: Shapes
    carried: dict[str, Tensor] = field(default_factory=dict)
    given: dict[str, Tensor] = field(default_factory=dict)
    fine: Settings | None = None
    """The settings of the fine pass, where `execution` runs under those of the coarse one."""
    axes: Axes | None = None
    """Where the streams are in the states, once that was found out for a fine pass."""
    refined: tuple[int, ...] = ()
    """The streams that took a fine pass in the last frame."""

    def advance(
        self, whole: Program, given: Mapping[str, Tensor], pairs: Pairs, options: StreamOptions
    ) -> dict[str, Tensor]:
        """Return the outputs after the time steps of a frame of the network `whole`, by name."""
        if pairs and not self.carried:
            first = initial_states(whole, given)
            self.carried = {name: first[initial] for name, (initial, _) in pairs.items()}
        execution = self.execution
        self.meter.begin(execution.t)
        execution.set_inputs({**given, **self.carried})
        last, made = execution.t + options.timesteps, {}
        while execution.t < last:
            made = execution.run_steps(min(CHUNK, last - execution.t), [last])
        outputs: dict[str, Tensor] = made[last]
        if self.fine is not None and options.refining is not None:
            outputs = self._refined(outputs, options.refining, self.fine, options.timesteps, not pairs)
        self.carried = {name: outputs[output] for name, (_, output) in pairs.items()}
        return outputs

    def _refined(
        self, outputs: dict[str, Tensor], refining: Refining, fine: Settings, steps: int, alone: bool
    ) -> dict[str, Tensor]:
        """Return the outputs with those of unsure streams after a fine pass."""
        rows, self.refined = refining.unsure(outputs, self.execution, self.samples), ()
        if not rows:
            return outputs
        if self.axes is None and alone and len(rows) < self.samples:
            self.axes = axes_of_streams(self.execution)
        made = refine(self.execution, fine, outputs, rows, steps, self.axes)
        self.refined = tuple(row for row in made.refined if row < self.samples)
        return made.outputs

    def arrays(self, frames: int) -> dict[str, np.ndarray]:
        """Return the state after so many `frames` as arrays by name."""
        found = {"t": self.execution.t, "frames": frames, "samples": self.samples}
        return {
            **{name: np.asarray(value, np.int64) for name, value in found.items()},
            **{f"shape/{name}": np.asarray(shape, np.int64) for name, shape in self.shapes.items()},
            **to_arrays("population", self.execution.states),
            **to_arrays("input", self.execution.inputs),
            **{f"carried/{name}": array(value) for name, value in self.carried.items()},
            **{f"frame/{name}": array(value) for name, value in self.given.items()},
            **{f"arrived/{name}/{index}": array(value) for (name, index), value in self._arrived().items()},
        }

    def _arrived(self) -> Mapping[tuple[str, int], Tensor]:
        return self.meter.counter.arrived if self.meter.counter else {}

    def resume(self, arrays: Mapping[str, np.ndarray], given: Mapping[str, Tensor]) -> None:
        """Go on from the state `arrays` with the frame `given`; where they do not fit, raise InputError."""
        samples = int(arrays["samples"])
        shapes = {name: tuple(map(int, arrays.get(f"shape/{name}", ()))) for name in self.shapes}
        if samples != self.samples or shapes != self.shapes:
            raise InputError(
                f"the state is of {samples} samples of {shapes}, and the frame is of {self.samples} of {self.shapes}"
            )
        device = self.execution.program.device
        self.execution.t = int(arrays["t"])
        self.execution.states = from_arrays("population", arrays, device)
        self.execution.inputs = from_arrays("input", arrays, device)
        for prefix, held in (("carried/", self.carried), ("frame/", self.given)):
            held.update({k.removeprefix(prefix): tensor(v, device) for k, v in arrays.items() if k.startswith(prefix)})
        self.execution.set_inputs({**given, **self.carried})
        last = {k.removeprefix("arrived/"): v for k, v in arrays.items() if k.startswith("arrived/")}
        if self.meter.counter and last:
            pairs = {key.rpartition("/")[::2]: tensor(value, device) for key, value in last.items()}
            self.meter.counter.arrived = {(name, int(index)): value for (name, index), value in pairs.items()}
        else:
            self.meter.resume(self.execution, {**given, **self.carried})


def begin(program: Program, settings: Settings, options: StreamOptions, samples: int, shapes: Shapes) -> Running:
    """Return a stream of `program` at its first frame."""
    meter = StreamMeter(program, settings, samples, options.operations)
    name, counter = options.executor, meter.counter
    name = counter.executor(name) if counter else name
    observed = replace(settings, probes=meter.probes)
    if options.refining is None:
        return Running(make_execution(name, program, observed), meter, samples, shapes)
    if name == "event":
        raise InputError("coarse passes are of the executors layer and step: choose one of them, or leave coarse out")
    first = make_execution(name, program, options.refining.of_first_pass(observed))
    return Running(first, meter, samples, shapes, fine=observed)
