"""CUDA graphs: the whole run of a small batch as one launch, where the host would else be slower than the device.

A run of fixed shapes, time steps and settings is captured once and replayed on new inputs afterwards. What it leaves
behind is overwritten by the next replay, so results are copied out. A change of weights, type, device or population
parameters makes a new capture. Runs whose work hangs on values (early exit) or on the host (encoders, inputs that vary
in time), and runs that record samples or count operations, are not captured.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch

from onnx2snn_runtime.errors import InputError, ModelError
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.program import Program

SMALL = 32
"""Batches up to this size are captured with cuda_graphs="auto", from the second run on."""

KEPT = 8
"""Captured runs that are kept for a program; the one that was used least lately goes first."""

Outputs = dict[int, dict[str, Tensor]]


class Ran(NamedTuple):
    """What a run leaves on the device: the outputs, and the events of every population, int64 [T]."""

    outputs: Outputs
    events: dict[str, Tensor]
    neurons: dict[str, int]


Work = Callable[[Mapping[str, Tensor]], Ran]


class Captured:
    """A captured run: its inputs, which every replay overwrites, and what it leaves behind."""

    def __init__(self, work: Work, inputs: Mapping[str, Tensor], program: Program) -> None:
        self.inputs = {name: value.clone() for name, value in inputs.items()}
        self.replay, self.result = capture(lambda: work(self.inputs))
        self.held = list(program.shapes.kept.values())  # the graph reads what was remembered, wherever it is kept

    def __call__(self, inputs: Mapping[str, Tensor]) -> Ran:
        """Run on `inputs` and return copies of the results."""
        for name, value in inputs.items():
            self.inputs[name].copy_(value, non_blocking=True)
        self.replay()
        outputs = {t: {name: value.clone() for name, value in out.items()} for t, out in self.result.outputs.items()}
        return Ran(outputs, {name: counts.clone() for name, counts in self.result.events.items()}, self.result.neurons)


def capture(function: Callable[[], Ran]) -> tuple[Callable[[], None], Ran]:
    """Return what replays the work of `function`, and its results; the first calls compile and allocate."""
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
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"the run cannot be captured as a CUDA graph ({reason}): run it without cuda_graphs"
        ) from error
    return graph.replay, result


class _Graphs:
    """The captured runs of one program."""

    def __init__(self) -> None:
        self.version = -1
        self.captured: OrderedDict[Hashable, Captured] = OrderedDict()
        self.seen: set[Hashable] = set()


_GRAPHS: "WeakKeyDictionary[Program, _Graphs]" = WeakKeyDictionary()


def check(option: bool | str, program: Program) -> None:
    """Raise InputError for an option cuda_graphs that is unknown, or that this device does not have."""
    if option not in (False, True, "auto"):
        raise InputError(f"cuda_graphs is {option!r}: choose True, False or 'auto'")
    if option is True and program.device.type != "cuda":
        raise InputError(f"cuda_graphs needs a CUDA device, the model is on {program.device}: choose False or 'auto'")


def run_graphed(
    program: Program, option: bool | str, key: Sequence[Any], inputs: Mapping[str, Tensor], work: Work
) -> Ran | None:
    """Return what `work` makes of `inputs`, by a captured run, or None where it should not be captured (yet)."""
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
        graphs.captured[own] = Captured(work, inputs, program)
        if len(graphs.captured) > KEPT:
            graphs.captured.popitem(last=False)
    graphs.captured.move_to_end(own)
    return graphs.captured[own](inputs)


def _batch(program: Program, inputs: Mapping[str, Tensor]) -> int:
    return next((len(inputs[port.name]) for port in program.inputs if port.shape), 1)
