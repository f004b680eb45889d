"""The Python interface: a spiking network as a torch.nn.Module."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from onnx2snn_runtime.batches.arrays import Output, checked, returned
from onnx2snn_runtime.batches.batch_run import Request
from onnx2snn_runtime.batches.exit_rules import EarlyExit
from onnx2snn_runtime.batches.frames import one_frame
from onnx2snn_runtime.batches.observed import Observer, observe
from onnx2snn_runtime.batches.plain import count_plain
from onnx2snn_runtime.batches.range_checks import warn_of_nan, warn_of_saturation
from onnx2snn_runtime.batches.refining import Refining
from onnx2snn_runtime.batches.run import Run, ascending, run_program
from onnx2snn_runtime.batches.stream import Stream
from onnx2snn_runtime.batches.stream_running import StreamOptions
from onnx2snn_runtime.errors import InputError, ModelError, Stage, UnsupportedError
from onnx2snn_runtime.files import check_writable, write_model
from onnx2snn_runtime.ir.recurrence import neurons_of
from onnx2snn_runtime.ir.schema import (
    ModelDefaults,
    NeuronAttributes,
    write_defaults,
    write_neuron,
)
from onnx2snn_runtime.ir.verify import check_parameters, verify
from onnx2snn_runtime.option_types import check_types
from onnx2snn_runtime.probing.operations import Operations
from onnx2snn_runtime.probing.probes import check_probes
from onnx2snn_runtime.program.program import TYPES, Program
from onnx2snn_runtime.program.weights import store_weights
from onnx2snn_runtime.settings import make_settings


class SpikingModel(nn.Module):
    """A spiking network as a torch.nn.Module; `onnx2snn.convert` makes one, `onnx2snn.load` reads one from a file.

    `snn(x, timesteps=8)` returns the decoded output after 8 time steps. `x` is one array or tensor [samples, ...] for
    a model with one input, else a mapping from input name to array, in the dtypes of the ONNX model. An additional
    leading axis is time: x[T, samples, ...]. Returned is one array for a model with one output, else a dictionary by
    output name: numpy for numpy inputs, torch for torch inputs, on the device of the input, in the dtypes that the ONNX
    model declares; a network that was moved to another dtype returns floats in that, float32 for half precision.
    `conversion` is the report of `convert`, None for a network from a file.

    `program.axes` says which axis of every input and output is the batch axis. A model without any takes x[...] or
    [samples, ...]. If samples run one at a time, outputs without a batch axis are stacked along a new first axis, and
    outputs whose length depends on the data are lists with one entry per sample. Samples that interact run all at once,
    whatever `batch_size` is.
    """

    def __init__(self, proto: onnx.ModelProto, where: str = "the model") -> None:
        super().__init__()
        with Stage(f"building the network of {where}"):
            verify(proto, where)
            self.proto = proto
            self.program = Program(proto, where)
        self.conversion: Any = None
        self._nodes: dict[str, onnx.NodeProto] = {}
        """The nodes of the populations, by name, once one was asked for."""
        self._stream: Stream | None = None

    @property
    def defaults(self) -> ModelDefaults:
        """The model-level settings in the IR, each of which a run can override."""
        return self.program.defaults

    def forward(self, x: Any, timesteps: int | None = None, **options: Any) -> Output:
        """Return the output after `timesteps` steps (default: the model's own); for `options` see `run`."""
        if torch.compiler.is_exporting():
            raise UnsupportedError(
                "a spiking network is no single graph but a run over time with kernels of its own, which torch.export "
                "cannot take: write it with onnx2snn export --to torch or --to onnx-step"
            )
        steps = ascending(self.defaults.timesteps if timesteps is None else timesteps)
        if len(steps) > 1:
            raise InputError(f"timesteps is {timesteps!r}: give one whole number, or call run(), which takes several")
        return self.run(x, timesteps=steps, **options).outputs[steps[0]]

    @Stage("running the network")
    def run(
        self,
        x: Any,
        timesteps: int | Sequence[int] | None = None,
        *,
        probes: str | Sequence[str] = (),
        executor: str = "layer",
        batch_size: int | None = None,
        max_memory: int | None = None,
        operations: bool = False,
        early_exit: str | None = None,
        stable_steps: int = 2,
        exit_every: int = 1,
        cuda_graphs: bool | str = False,
        **overrides: Any,
    ) -> Run:
        """Run `x` (see the class) and return outputs and counts at each of `timesteps`, from one run.

        `probes` names what to record of each population: events, rates, spikes, values, errors. `operations` counts
        synaptic operations. `executor` is "layer" (fast), "step" (constant memory) or "event" (spikes only, the
        reference); `batch_size` limits the samples run at a time, `max_memory` the bytes used above the loaded model
        (executor layer). With `early_exit` "settled" a sample stops when no neuron fires for it, with "stable" when
        its top-1 was the same for `stable_steps` steps, checked every `exit_every` steps: see `batches.early_exit`.
        `cuda_graphs` (True, or "auto" for small batches) replays the run as a CUDA graph: see `batches.cuda_graphs`.
        `overrides` replace the file's dynamics, dynamics_options, schedule, schedule_options, encoder,
        encoder_options and delay for this run. Invalid inputs, names or options raise InputError or RegistryError;
        neurons that the dynamics cannot express raise UnsupportedError.
        """
        check_types(
            {"probes": probes, "executor": executor, "batch_size": batch_size, "max_memory": max_memory,
             "operations": operations, "early_exit": early_exit, "stable_steps": stable_steps,
             "exit_every": exit_every, **overrides}
        )  # fmt: skip
        steps = ascending(self.defaults.timesteps if timesteps is None else timesteps)
        probes = [probes] if isinstance(probes, str) else list(probes)
        check_probes(probes)
        inputs = checked(self.program, x)
        rule = EarlyExit(early_exit, stable_steps, exit_every) if early_exit else None
        run = run_program(
            self.program,
            Request(inputs, steps, executor, probes, operations, batch_size, max_memory, overrides, rule, cuda_graphs),
        )
        warn_of_saturation(run.saturated, len(self.program.populations))
        warn_of_nan(run.outputs[steps[-1]], inputs, self.program.axes)
        run.outputs = {t: returned(self.program, outputs, x) for t, outputs in run.outputs.items()}
        return run

    def plain_operations(self, x: Any, batch_size: int | None = None) -> Operations:
        """Return the operations of one pass of `x` through the plain network that this one stands for.

        All of them are multiply-accumulates: effective ones of what is not zero, dense ones in `dense_once`.
        """
        return count_plain(self.program, checked(self.program, x), batch_size)

    @Stage("observing the network")
    def observe(
        self,
        x: Any,
        timesteps: int | Sequence[int],
        observer: Observer,
        *,
        batch_size: int | None = None,
        **overrides: Any,
    ) -> None:
        """Run `x`, which does not vary in time, and show `observer` every population at every step.

        It sees the plain network's values beside them, and the outputs after each of `timesteps`; nothing is kept
        that it does not keep. For `overrides` see `run`.
        """
        check_types({"batch_size": batch_size, **overrides})
        observe(self.program, checked(self.program, x), ascending(timesteps), observer, batch_size, overrides)

    def stream(
        self,
        timesteps: int = 1,
        *,
        operations: bool = False,
        reset_above: float | None = None,
        sequences: bool = False,
        executor: str = "layer",
        coarse: int | None = None,
        margin: float | None = None,
        **overrides: Any,
    ) -> Stream:
        """Return a stream: a function of frames that keeps what the network knows from one to the next.

            with snn.stream(operations=True) as s:
                y = s(frame)  # s.last: events, operations, share of silent neurons, in all and by population

        A frame is an input as of `run` [samples, ...]; the samples are streams side by side. Each takes `timesteps`
        steps; step sizes begin anew at every frame where spikes are changes of an estimate. With `reset_above` a stream
        begins anew where its frame differs from the one before by more than that share of its norm; `reset` does so by
        hand. `s.state()` is a dictionary of arrays, from which `restore` goes on. Of a rolled recurrence a frame is a
        sequence of one position, and it goes on from the estimates of the frame before: what positions share outside
        of recurrences (a convolution over time) sees one frame alone; one that reads from the end raises
        UnsupportedError. With `sequences` a frame is a whole sequence. With `coarse` octaves a frame is first computed
        with dead zones and least spikes 2^coarse times as large, and again as it is for streams whose largest class
        leads by less than `margin`; by default both are the model's own, which `tune_stream` finds. For `overrides`
        see `run`.
        """
        check_types({"executor": executor, "operations": operations, "coarse": coarse, "margin": margin, **overrides})
        (steps,) = ascending(timesteps)
        other = (overrides.get("dynamics") or self.defaults.dynamics) != self.defaults.dynamics
        octaves = coarse if coarse is not None else 0 if other else self.defaults.coarse
        lead = self.defaults.margin if margin is None else margin
        refining = Refining(octaves, lead) if octaves else None
        options = StreamOptions(steps, operations, reset_above, executor, sequences, refining=refining)
        return Stream(self.program, make_settings(self.defaults, overrides), options)

    def frames(self, timesteps: int | None = None, **overrides: Any) -> Stream:
        """Return a stream of the positions of a rolled recurrence, `timesteps` (None: the model's own) steps each.

        A network without one raises UnsupportedError.
        """
        one_frame(self.program)
        return self.stream(self.defaults.timesteps if timesteps is None else timesteps, **overrides)

    def reset(self) -> None:
        """Discard the state that `step` keeps between calls."""
        self._stream = None

    @Stage("running a step of the network")
    def step(self, x: Any, **overrides: Any) -> Output:
        """Run one time step on its input `x` [samples, ...], keep the state, and return the output so far.

        A stream of one step a frame, whose step sizes go on. `overrides` and `executor` are accepted at the first step
        only; giving them later, or another number of samples, raises InputError. `reset` starts a new stream.
        """
        check_types(overrides)
        if self._stream is None:
            options = StreamOptions(1, executor=overrides.pop("executor", "step"), sequences=True, restart=False)
            stream = Stream(self.program, make_settings(self.defaults, overrides), options)
            made = stream(x)
            self._stream = stream
            return made
        if overrides:
            raise InputError("dynamics and coding are chosen at the first step: call reset() to choose again")
        return self._stream(x)

    def set_population(self, name: str, **changes: Any) -> None:
        """Change parameters of the population `name`, in this model and in the IR that `save` writes.

        `levels`: number of exponents of a graded spike, at least 1; `mantissa`: its mantissa bits; `dead_zone`: the
        share of the scale below which a correction is not sent; `gradual`: 1 where small spikes are multiples of the
        smallest, else 0; `scale`: a positive number, or an array that broadcasts to the output without its batch axis.
        An unknown population or parameter, or an invalid value, raises InputError.
        """
        _check_names(f"the population {name!r}", changes, [f.name for f in fields(NeuronAttributes)])
        if name not in self._nodes:
            self._nodes = {node.name or node.output[0]: node for node in neurons_of(self.proto.graph)}
        node = self._nodes.get(name)
        if node is None:
            raise InputError(f"there is no population {name!r}: there are {', '.join(self.population_names())}")
        if "scale" in changes:
            changes["scale"] = np.asarray(changes["scale"])
        attributes = replace(self.program.attributes(name), **changes)
        try:
            check_parameters(name, attributes, len(node.input))
        except ModelError as error:
            raise InputError(str(error)) from error
        write_neuron(node, attributes, changes)
        self.program.set_attributes(name, attributes)

    def __getstate__(self) -> dict[str, Any]:
        """Return what copies and pickles hold; the nodes in a copy are others."""
        return {**self.__dict__, "_nodes": {}}

    def population_names(self) -> list[str]:
        """Return the names of the populations, in order of execution."""
        return [item.name for item in self.program.populations]

    def set_defaults(self, **changes: Any) -> None:
        """Change the model-level settings (`ModelDefaults`: timesteps, dynamics, ...), in this model and in the IR."""
        _check_names("the model", changes, [f.name for f in fields(ModelDefaults)])
        ascending(changes.get("timesteps", 1))
        self.program.take_defaults(self.proto, self.program.defaults.updated(**changes))
        write_defaults(self.proto, self.program.defaults)

    def set_batch_axes(self, axes: Mapping[str, int | None]) -> None:
        """Set the batch axis of the inputs and outputs named in `axes` (None: one value for all samples).

        Names that do not exist and axes that an input does not have raise InputError.
        """
        known = {port.name: port for port in (*self.program.outputs, *self.program.inputs)}
        for name, axis in axes.items():
            if name not in known:
                raise InputError(f"there is no input or output {name!r}: there are {', '.join(known)}")
            shape = known[name].shape
            if axis is not None and shape is not None and not 0 <= axis < len(shape):
                raise InputError(
                    f"{name!r} has {len(shape)} axes, and no batch axis {axis}: count from 0, or give none"
                )
        if axes:
            self.set_defaults(batch_axes={**self.program.axes.recorded()["batch_axes"], **axes})

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write the IR file atomically; an existing file raises InputError unless `force`.

        It is an ONNX file that onnxruntime runs as the plain network. Weights of 2 GB and more go to a file beside it.
        """
        store_weights(self.proto, self.program.constants)
        write_model(self.proto, check_writable(path, force=force), force=force)

    def extra_repr(self) -> str:
        """Return the number of populations and the settings, for repr()."""
        d = self.defaults
        return (
            f"{len(self.program.populations)} populations, dynamics={d.dynamics!r}, encoder={d.encoder!r}, "
            f"timesteps={d.timesteps}, dtype={TYPES.get(self.program.dtype)}"
        )


def _check_names(what: str, changes: Mapping[str, Any], known: Sequence[str]) -> None:
    for name in changes:
        if name not in known:
            raise InputError(f"{what} has no setting {name!r}: it has {', '.join(known)}")
