"""CUDA graphs: the whole run of a small batch as one launch, for batches that are bound by launch overhead.

A run of fixed shapes, time steps and settings is captured once and then replayed on new inputs. The next replay
overwrites the results, so they are copied out. A change of weights, dtype, device or population parameters needs a new
capture. Not captured are runs that depend on values (early exit) or on the host (encoders, time-varying inputs), and
runs that record samples or count operations.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch

from onnx2snn_runtime.errors import InputError, ModelError, first_line
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.program import Program

SMALL = 32
"""Batches up to this size are captured with cuda_graphs="auto", from the second run on."""

KEPT = 8
"""Captured runs that are cached for a program; the least recently used one is evicted first."""

Outputs = dict[int, dict[str, Tensor]]


class GraphResult(NamedTuple):
    """The results of a run on the device: outputs by time step and name, events of each population, int64 [T]."""

    outputs: Outputs
    events: dict[str, Tensor]
    neurons: dict[str, int]


RunFunction = Callable[[Mapping[str, Tensor]], GraphResult]


class CapturedRun:
    """A captured run: its static input buffers, which each replay overwrites, and its static results."""

    def __init__(self, function: RunFunction, inputs: Mapping[str, Tensor], program: Program) -> None:
        self.inputs = {name: value.clone() for name, value in inputs.items()}
        self.replay, self.result = capture(lambda: function(self.inputs))
        self.kept_alive = list(program.shapes.entries.values())  # cached tensors that the graph reads by address

    def __call__(self, inputs: Mapping[str, Tensor]) -> GraphResult:
        """Run on `inputs` and return copies of the results."""
        for name, value in inputs.items():
            self.inputs[name].copy_(value, non_blocking=True)
        self.replay()
        outputs = {t: {name: value.clone() for name, value in out.items()} for t, out in self.result.outputs.items()}
        return GraphResult(
            outputs, {name: counts.clone() for name, counts in self.result.events.items()}, self.result.neurons
        )


def capture(function: Callable[[], GraphResult]) -> tuple[Callable[[], None], GraphResult]:
    """Return a callable that replays `function`, and its static results. Two warm-up calls compile and allocate."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(2):
            function()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            result = function()
    except RuntimeError as error:
        reason = first_line(error)
        raise ModelError(
            f"the run cannot be captured as a CUDA graph ({reason}): run it without cuda_graphs"
        ) from error
    return graph.replay, result


class _Graphs:
    """The captured runs of one program."""

    def __init__(self) -> None:
        self.version = -1
        self.captured: OrderedDict[Hashable, CapturedRun] = OrderedDict()
        self.seen: set[Hashable] = set()


_GRAPHS: "WeakKeyDictionary[Program, _Graphs]" = WeakKeyDictionary()


def check(option: bool | str, program: Program) -> None:
    """Raise InputError for a value of cuda_graphs that is unknown, or that the device does not support."""
    if not isinstance(option, bool) and option != "auto":
        raise InputError(f"cuda_graphs is {option!r}: choose True, False or 'auto'")
    if option is True and program.device.type != "cuda":
        raise InputError(f"cuda_graphs needs a CUDA device, the model is on {program.device}: choose False or 'auto'")


def run_graphed(
    program: Program, option: bool | str, key: Sequence[Any], inputs: Mapping[str, Tensor], function: RunFunction
) -> GraphResult | None:
    """Return function(inputs), computed by a captured run, or None if it should not be captured (yet)."""
    if not option or (option == "auto" and (program.device.type != "cuda" or _batch(program, inputs) > SMALL)):
        return None
    graphs = _GRAPHS.setdefault(program, _Graphs())
    if graphs.version != program.version:
        graphs.captured.clear()
        graphs.version = program.version
    own = (repr(key), *((name, tuple(x.shape), x.dtype) for name, x in sorted(inputs.items())))
    if own not in graphs.captured:
        if option == "auto" and own not in graphs.seen:
            graphs.seen.add(own)
            return None
        graphs.captured[own] = CapturedRun(function, inputs, program)
        if len(graphs.captured) > KEPT:
            graphs.captured.popitem(last=False)
    graphs.captured.move_to_end(own)
    return graphs.captured[own](inputs)


def _batch(program: Program, inputs: Mapping[str, Tensor]) -> int:
    return program.axes.count({name: value.shape for name, value in inputs.items()})
