"""The Python interface: a spiking network as a torch.nn.Module."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from onnx2snn_runtime.dynamics.base import make_dynamics
from onnx2snn_runtime.encoders.base import make_encoder
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.executors.base import Execution, Settings, make_execution
from onnx2snn_runtime.inputs import check_input, named_inputs, to_device, varies_in_time
from onnx2snn_runtime.interpreter import Tensor
from onnx2snn_runtime.ir.large import is_large, save_large
from onnx2snn_runtime.ir.schema import ModelDefaults, is_neuron, read_neuron, write_defaults, write_neuron
from onnx2snn_runtime.ir.verify import read_model, verify
from onnx2snn_runtime.operations import OperationCounter
from onnx2snn_runtime.probes import READERS, EventCounter, Recorder, check_probes, merge
from onnx2snn_runtime.program import TYPES, Program
from onnx2snn_runtime.schedules.base import make_schedule

Output = Any
"""A tensor or array for a model of one output, otherwise a mapping from output name to one."""


@dataclass
class Run:
    """What a run gave, at each of the time steps asked for.

    `events` and `synaptic_operations` are counted from step 1 to T over all samples, the input encoder apart;
    `events_per_neuron` is events over neurons times samples; `probes[name][population]` is [T] or [T, batch, ...].
    """

    outputs: dict[int, Output] = field(default_factory=dict)
    events: dict[int, int] = field(default_factory=dict)
    events_per_neuron: dict[int, float] = field(default_factory=dict)
    synaptic_operations: dict[int, float] = field(default_factory=dict)
    neurons: int = 0
    probes: dict[str, dict[str, Tensor]] = field(default_factory=dict)


class SpikingModel(nn.Module):
    """A spiking network read from an IR model.

    `snn(x, timesteps=8)` returns the decoded output after 8 steps. `x` is one array or tensor for a model of one
    input, otherwise a mapping from input name to array; a leading axis more than the model has is time, x[T, ...].
    What comes back is a tensor for a model of one output, otherwise a dict by output name, in the kind (numpy or torch)
    and on the device that went in.
    """

    def __init__(self, proto: onnx.ModelProto, where: str = "the model") -> None:
        super().__init__()
        verify(proto, where)
        self.proto = proto
        self.program = Program(proto, where)
        self.conversion: Any = None
        self._live: Execution | None = None

    @property
    def defaults(self) -> ModelDefaults:
        """The model-level settings of the IR, every one of which a run can override."""
        return self.program.defaults

    def forward(self, x: Any, timesteps: int | None = None, **options: Any) -> Output:
        """Return the output after `timesteps` steps; for `options` see `run`."""
        steps = self.defaults.timesteps if timesteps is None else timesteps
        return self.run(x, timesteps=steps, **options).outputs[steps]

    def run(
        self,
        x: Any,
        timesteps: int | Sequence[int] | None = None,
        *,
        probes: Sequence[str] = (),
        executor: str = "step",
        batch_size: int | None = None,
        operations: bool = False,
        **overrides: Any,
    ) -> Run:
        """Run `x` and return outputs and counts at every one of `timesteps`, in one pass.

        `probes` names what to record (see `onnx2snn_runtime.probes`), `operations` counts synaptic operations,
        `batch_size` bounds the samples run at a time. `overrides` may hold dynamics, dynamics_options, schedule,
        schedule_options, encoder, encoder_options, delay. Input that does not fit raises InputError.
        """
        steps = _steps(self.defaults.timesteps if timesteps is None else timesteps)
        check_probes(list(probes))
        inputs = self._checked(x)
        total = Run()
        parts: list[tuple[dict[int, dict[str, Tensor]], dict[str, dict[str, Tensor]]]] = []
        for batch, samples in self._batches(inputs, batch_size):
            watchers = {name: Recorder(READERS[name]) for name in probes if name in READERS}
            events, counter = EventCounter(samples), OperationCounter()
            watching = (events, *watchers.values(), *((counter,) if operations else ()))
            execution = make_execution(executor, self.program, self._settings(watching, overrides))
            outputs = self._advance(execution, batch, steps)
            parts.append(
                (
                    {t: {k: _cut(v, samples) for k, v in out.items()} for t, out in outputs.items()},
                    {"events": events.table()}
                    | {
                        name: {k: v[:, :samples] for k, v in watcher.table().items()}
                        for name, watcher in watchers.items()
                    },
                )
            )
            total.neurons = sum(events.neurons.values())
            for t in steps if operations else ():
                counted = float(sum(counter.totals[:t], torch.zeros(())))
                total.synaptic_operations[t] = total.synaptic_operations.get(t, 0.0) + counted
        return self._gather(total, parts, steps, probes, x)

    def reset(self) -> None:
        """Forget the state that `step` keeps."""
        self._live = None

    @torch.no_grad()
    def step(self, x: Any, **overrides: Any) -> Output:
        """Make one time step on the input `x` of this step, keep the state, and return the output so far."""
        inputs = self._checked(x)
        if self._live is None:
            executor = overrides.pop("executor", "step")
            self._live = make_execution(executor, self.program, self._settings((), overrides))
        elif overrides:
            raise InputError("dynamics and coding are chosen at the first step: call reset() to choose again")
        self._live.feed({port.name: to_device(inputs[port.name], port, self.program) for port in self.program.inputs})
        self._live.advance()
        return self._returned(self._live.outputs(), x)

    def set_population(self, name: str, **changes: Any) -> None:
        """Change parameters (levels, mantissa, scale) of the population `name`, here and in the IR."""
        for node in self.proto.graph.node:
            if is_neuron(node) and (node.name or node.output[0]) == name:
                attributes = replace(read_neuron(node), **changes)
                write_neuron(node, attributes)
                self.program.set_attributes(name, attributes)
                return
        raise InputError(f"there is no population {name!r}: there are {', '.join(self.population_names())}")

    def population_names(self) -> list[str]:
        """Return the names of the populations, in order of execution."""
        return [item.name for item in self.program.populations]

    def set_defaults(self, **changes: Any) -> None:
        """Change the model-level settings, here and in the IR."""
        self.program.defaults = self.program.defaults.updated(**changes)
        write_defaults(self.proto, self.program.defaults)

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write the IR file; an existing file raises InputError unless `force`."""
        file = Path(path)
        if file.exists() and not force:
            raise InputError(f"{str(file)!r} exists: choose another path, or overwrite it with --force (force=True)")
        if not file.parent.is_dir():
            raise InputError(f"there is no folder {str(file.parent)!r} to write {file.name!r} to: make it first")
        write_model(self.proto, file)

    def _settings(self, watching: Sequence[Any], overrides: Mapping[str, Any]) -> Settings:
        d = self.defaults
        known = ("dynamics", "dynamics_options", "schedule", "schedule_options", "encoder", "encoder_options", "delay")
        for name in overrides:
            if name not in known:
                raise InputError(f"a run has no option {name!r}: it has {', '.join(known)}")
        name = overrides.get("dynamics") or d.dynamics
        schedule = None  # the dynamics' own, where nobody chose one
        chosen = overrides.get("schedule") or overrides.get("schedule_options")
        if chosen or (d.schedule, d.schedule_options) != (ModelDefaults.schedule, {}):
            scheduled = overrides.get("schedule") or d.schedule
            options = overrides.get("schedule_options") or (d.schedule_options if scheduled == d.schedule else {})
            schedule = make_schedule(scheduled, options)
        own = overrides.get("dynamics_options") or (d.dynamics_options if name == d.dynamics else {})
        dynamics = make_dynamics(name, schedule, own)
        coding = overrides.get("encoder") or d.encoder
        encoder = make_encoder(coding, dynamics, schedule, overrides.get("encoder_options"))
        delay = overrides.get("delay", d.delay)
        if delay not in (0, 1):
            raise InputError(f"the delay is {delay!r}: give 0 (spikes arrive within their step) or 1 (in the next)")
        if (encoder is None) != (not d.spiking_inputs):
            raise InputError(
                f"the model was converted for the input coding {d.encoder!r} and cannot run with {coding!r}: "
                f"convert it again with --encoder {coding}"
            )
        return Settings(dynamics, encoder, d.input_scales, tuple(watching), delay)

    def _checked(self, x: Any) -> dict[str, Tensor]:
        named = named_inputs(x, self.program.inputs)
        return {port.name: check_input(named[port.name], port) for port in self.program.inputs}

    def _batches(self, inputs: dict[str, Tensor], size: int | None) -> Iterator[tuple[dict[str, Tensor], int]]:
        """Yield the inputs in batches, and how many samples of each are real: a fixed batch is filled up."""
        fixed = self.defaults.batch
        total = _size(inputs, self.program)
        limit = fixed or size or total
        if limit < 1:
            raise InputError(f"the batch size is {limit}: give 1 or more samples")
        for start in range(0, total, limit):
            batch, count = {}, min(limit, total - start)
            for port in self.program.inputs:
                tensor, axis = inputs[port.name], int(varies_in_time(inputs[port.name], port))
                if port.shape:
                    tensor = tensor.narrow(axis, start, count)
                    if count < fixed:
                        tensor = torch.cat(
                            [tensor, tensor.narrow(axis, 0, 1).repeat_interleave(fixed - count, axis)], axis
                        )
                batch[port.name] = tensor
            yield batch, count

    @torch.no_grad()
    def _advance(
        self, execution: Execution, batch: dict[str, Tensor], steps: list[int]
    ) -> dict[int, dict[str, Tensor]]:
        ports = self.program.inputs
        device = {port.name: to_device(batch[port.name], port, self.program) for port in ports}
        moving = [port.name for port in ports if varies_in_time(batch[port.name], port)]
        for name in moving:
            if len(device[name]) < steps[-1]:
                raise InputError(f"the input {name!r} has {len(device[name])} time steps, {steps[-1]} were asked for")
        outputs = {}
        for t in range(1, steps[-1] + 1):
            if t == 1 or moving:
                execution.feed({name: value[t - 1] if name in moving else value for name, value in device.items()})
            execution.advance()
            if t in steps:
                outputs[t] = execution.outputs()
        return outputs

    def _gather(self, total: Run, parts: list[Any], steps: list[int], probes: Sequence[str], x: Any) -> Run:
        samples = 0
        for t in steps:
            joined = {name: _join([outputs[t][name] for outputs, _ in parts]) for name in parts[0][0][t]}
            total.outputs[t] = self._returned(joined, x)
        events = merge([tables["events"] for _, tables in parts], summed=True)
        samples = _size(self._checked(x), self.program)
        for t in steps:
            total.events[t] = int(sum(int(counts[:t].sum()) for counts in events.values()))
            total.events_per_neuron[t] = total.events[t] / max(1, total.neurons * samples)
        for name in probes:
            if name in READERS:
                total.probes[name] = merge([tables[name] for _, tables in parts], summed=False)
            elif name == "events":
                total.probes[name] = events
        return total

    def _returned(self, outputs: Mapping[str, Tensor], x: Any) -> Output:
        first = next(iter(x.values())) if isinstance(x, Mapping) else x
        as_numpy = not isinstance(first, Tensor)
        made = {}
        for name, value in outputs.items():
            here = value.to(self._out_type(value))
            made[name] = here.cpu().numpy() if as_numpy else here.to(first.device)
        return next(iter(made.values())) if len(made) == 1 else made

    def _out_type(self, value: Tensor) -> torch.dtype:
        return self.program.wide if value.is_floating_point() else value.dtype

    def extra_repr(self) -> str:
        """Name the size and the settings of the network."""
        d = self.defaults
        return (
            f"{len(self.program.populations)} populations, dynamics={d.dynamics!r}, encoder={d.encoder!r}, "
            f"timesteps={d.timesteps}, dtype={TYPES.get(self.program.dtype)}"
        )


def load(path: str | Path, *, device: str = "cpu", dtype: str | torch.dtype | None = None) -> SpikingModel:
    """Return the spiking network in the IR file `path`, on `device`, its synapses in `dtype` (the file's own)."""
    model = SpikingModel(read_model(path), repr(str(path)))
    return place(model, device, dtype)


def place(model: SpikingModel, device: str, dtype: str | torch.dtype | None = None) -> SpikingModel:
    """Move `model` to `device` and `dtype`; what torch does not have raises InputError."""
    if isinstance(dtype, str):
        names = {name: kind for kind, name in TYPES.items()}
        if dtype not in names:
            raise InputError(f"there is no dtype {dtype!r}: choose {', '.join(names)}")
        dtype = names[dtype]
    try:
        return model.to(device=torch.device(device), dtype=dtype).eval()
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"the device {device!r} cannot be used: {str(error).splitlines()[0]}") from error


def write_model(proto: onnx.ModelProto, file: Path) -> None:
    """Write `proto` to `file`, whole or not at all; weights of 2 GB and more go into a file beside it."""
    try:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".onnx2snn-") as folder:
            partial = Path(folder, file.name)
            if is_large(proto):
                save_large(proto, partial)
            else:
                partial.write_bytes(proto.SerializeToString())
            for written in sorted(Path(folder).iterdir(), reverse=True):  # the weights first
                written.replace(file.with_name(written.name))
    except OSError as error:
        raise InputError(f"{str(file)!r} cannot be written: {error.strerror or error}") from error


def _steps(timesteps: int | Sequence[int]) -> list[int]:
    steps = [timesteps] if isinstance(timesteps, int | np.integer) else list(timesteps)
    if not steps or any(int(t) != t or t < 1 for t in steps):
        raise InputError(f"timesteps is {timesteps!r}: give one or more whole numbers from 1 on")
    return sorted({int(t) for t in steps})


def _size(inputs: Mapping[str, Tensor], program: Program) -> int:
    """Return the number of samples: the common size of the batch axes."""
    sizes = {}
    for port in program.inputs:
        if port.shape:
            sizes[port.name] = inputs[port.name].shape[int(varies_in_time(inputs[port.name], port))]
    if len(set(sizes.values())) > 1:
        raise InputError(f"the inputs differ in their number of samples: {sizes}")
    if not sizes:
        return 1
    size = next(iter(sizes.values()))
    if size == 0:
        raise InputError("there are no samples: the first axis of the input is empty")
    return int(size)


def _cut(value: Tensor, samples: int) -> Tensor:
    return value[:samples] if value.ndim and value.shape[0] > samples else value


def _join(parts: list[Tensor]) -> Tensor:
    return torch.cat(parts) if len(parts) > 1 and parts[0].ndim else parts[0]
