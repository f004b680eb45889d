"""The interface of passes, and the function that runs them in order, with timing, counts and chained errors."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import onnx
import onnx_graphsurgeon as gs

from onnx2snn_runtime.errors import Stage
from onnx2snn_runtime.ir.batch import BatchAxes
from onnx2snn_runtime.ir.schema import opset_of


@dataclass
class Work:
    """What passes work on: first the model, then its graph, then the model again with its neurons.

    `supported(domain, operator, opset)` says whether the runtime has a handler; passes themselves import no torch.
    `samples` are the calibration data as they were given, `batch_axes` and `shapes` what was asked for, by input name;
    `axes` is what was found of where samples are, `built_in` the batch size of the graph as it came, 0 for any.
    """

    model: onnx.ModelProto
    where: str
    supported: Callable[[str, str, int], bool]
    neurons: str = "region"
    encoder: str = "direct"
    recurrence: str = "auto"
    """Which recurrences are written out: "unrolled" all, "rolled" none, "auto" those that are short."""

    relays: bool = False
    """Whether currents that would meet weights are relayed by neurons."""

    integer: bool = False
    """Whether weights become integers, so that real numbers that would meet them are relayed by neurons."""

    graph: gs.Graph = field(default_factory=gs.Graph)
    axes: BatchAxes = field(default_factory=BatchAxes)
    built_in: int = 0
    samples: Mapping[str, np.ndarray] = field(default_factory=dict)
    batch_axes: Mapping[str, int | None] = field(default_factory=dict)
    shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    functions: list[onnx.FunctionProto] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def batch(self) -> int:
        """The batch size that the graph is fixed to, 0 where any is taken."""
        return self.axes.size

    @property
    def opset(self) -> int:
        """The ai.onnx opset of the model."""
        return opset_of(self.model)


class Pass(Protocol):
    """A rewrite: a function of the work that returns the number of sites it changed, 0 the second time."""

    __name__: str

    def __call__(self, work: Work) -> int:
        """Rewrite `work` in place."""
        ...


@dataclass(frozen=True)
class Record:
    """What one pass did: its name, the number of sites changed and the seconds it took."""

    name: str
    sites: int
    seconds: float


def run_passes(
    passes: Sequence[Pass], work: Work, progress: Callable[[str, float], None] | None = None
) -> list[Record]:
    """Run `passes` in order; an error that is not the user's names the pass that failed and the model."""
    records: list[Record] = []
    for index, rewrite in enumerate(passes):
        if progress:
            progress(rewrite.__name__.replace("_", " "), index / len(passes))
        start = time.perf_counter()
        with Stage(f"the pass {rewrite.__name__} on {work.where}"):
            sites = rewrite(work)
        records.append(Record(rewrite.__name__, sites, time.perf_counter() - start))
    return records
