"""Tries out which axis counts the samples: three samples together, then the last of them in front of others.

Where the axis is right and samples do not act on each other, that one has the result that it had among the three. It
has another one wherever its place or its company counts (a recurrence, a position, a maximum over all).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx

from onnx2snn.data.synthetic import synthetic_inputs
from onnx2snn.passes.folding.batch_candidates import Candidate, dimensions, real_inputs
from onnx2snn.passes.folding.batch_samples import disturbed, drawn, first_of, spliced
from onnx2snn.passes.rewriting.node_builder import read_by
from onnx2snn.reference.ann import Ann
from onnx2snn_runtime.errors import ModelError
from onnx2snn_runtime.ir.batch import DATA, ROWS, Axis, BatchAxes
from onnx2snn_runtime.ir.operators import facts

_TOGETHER = (3, 32)
"""So many samples run together; more of them where of few nothing is finite (a deviation of 0 that is divided by)."""
_WHOLE = BatchAxes(joint=True)


@dataclass
class Outcome:
    """What a trial showed: the axes of the outputs, their ranks, and whether samples are independent of each other."""

    outputs: dict[str, Axis] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    joint: list[str] = field(default_factory=list)
    """The outputs in which samples act on each other, or cannot be told apart."""


class Trials:
    """Trials of `model`, on `data` where there are any; models that onnxruntime refuses raise ModelError."""

    def __init__(self, model: onnx.ModelProto, data: Mapping[str, np.ndarray], guess: int = 0) -> None:
        self.model, self.data, self.guess = model, data, guess
        self.ann = Ann(model, axes=_WHOLE)
        self.tolerance = 1e-2 if _rounds(model) else 1e-4
        self.loose = set(_loose_outputs(model))

    def together(self, candidate: Candidate) -> Outcome:
        """Return what samples along the axes of `candidate` show."""
        for count in _TOGETHER:
            found, finite = self._together(candidate, count)
            if finite:
                break
        return found

    def _together(self, candidate: Candidate, count: int) -> tuple[Outcome, bool]:
        """Return what `count` samples show, and whether every output holds a finite number."""
        inputs = self._inputs(candidate, count)
        places = range(count - 1, -1, -2)
        whole = self.ann(inputs)
        part = self._again(candidate, inputs, places, 10.0)
        other = self._again(candidate, inputs, range(0, count, 2), -10.0)
        reached = _reached(self.model, [name for name, axis in candidate.axes.items() if axis is not None])
        found = Outcome()
        for name, value in whole.items():
            if name in self.loose and self._numbered(value, part[name], count, [(0, places[0])]):
                found.outputs[name], found.shapes[name] = ROWS, value.shape
                continue
            axis, apart = self._compare(value, part[name], count, len(places), name in reached)
            if apart and axis is not None:
                apart = self._same(first_of(value, axis, count), first_of(other[name], axis, len(places)))
            empty = not value.size or not part[name].size  # and nothing was seen of where samples are
            found.outputs[name] = DATA if name in self.loose and (axis is None or empty) else axis
            found.shapes[name] = value.shape
            if not apart or found.outputs[name] == DATA:
                found.joint.append(name)
        return found, all(np.isfinite(v).any() for v in whole.values() if v.dtype.kind == "f" and v.size)

    def _again(
        self, candidate: Candidate, inputs: Mapping[str, np.ndarray], places: Sequence[int], factor: float
    ) -> dict[str, np.ndarray]:
        """Return the outputs of the samples at `places`, all but the first of them times `factor` where that runs."""
        chosen = candidate.axes
        for times in (factor, 1.0):  # what becomes an index may be too large for its table
            fewer = {
                name: x if (axis := chosen[name]) is None else disturbed(x.take(places, axis), axis, times)
                for name, x in inputs.items()
            }
            try:
                return self.ann(fewer)
            except ModelError:
                if times == 1.0:
                    raise
        return {}

    def at_size(self, candidate: Candidate, size: int) -> Outcome:
        """Return what batches of `size` show, the only ones that the graph takes."""
        inputs, other = (self._inputs(candidate, size, seed) for seed in (0, 1))
        mixed = {n: x if (a := candidate.axes[n]) is None else spliced(x, other[n], a) for n, x in inputs.items()}
        if size > 1:
            mixed = {n: x if (a := candidate.axes[n]) is None else disturbed(x, a, 10.0) for n, x in mixed.items()}
        first, second = self.ann(inputs), self.ann(mixed)
        found = Outcome()
        states = {x.shape: axis for n, x in inputs.items() if (axis := candidate.axes[n])}
        for name, value in first.items():
            found.shapes[name] = value.shape
            if name in self.loose and size > 1 and self._numbered(value, second[name], size, [(0, 0)]):
                found.outputs[name] = ROWS
                continue
            if name in self.loose or value.shape != second[name].shape:
                found.outputs[name] = DATA
                continue
            axes = [i for i, n in enumerate(value.shape) if n and n % size == 0 and (n == size or size > 1)]
            kept = [a for a in axes if self._same(first_of(value, a, size), first_of(second[name], a, size))]
            lone = axes[0] if axes and (axes[0] == 0 or (len(axes) == 1 and value.ndim > 2)) else None
            axis = states.get(value.shape, lone) if size == 1 else next(iter(kept), None)
            found.outputs[name] = axes[0] if axis is None and axes and size > 1 else axis
            if size > 1 and axis is None:
                found.joint.append(name)
        return found

    def _inputs(self, candidate: Candidate, count: int, seed: int = 0) -> dict[str, np.ndarray]:
        axes = BatchAxes(candidate.axes, ranks={v.name: len(dimensions(v) or ()) for v in real_inputs(self.model)})
        sizes = {"guess": self.guess} if self.guess else {}
        known: dict[str, np.ndarray] = {}
        rng = np.random.default_rng(seed)
        for value in real_inputs(self.model):
            name, dims, given = value.name, dimensions(value), self.data.get(value.name)
            axis = candidate.axes[name]
            if given is None or not len(np.atleast_1d(given)) or given.ndim - len(dims or given.shape) not in (0, 1):
                continue
            given = given[0] if given.ndim > len(dims or given.shape) else given
            if axis is not None and axis < given.ndim and not given.shape[axis]:
                continue
            known[name] = given if axis is None or axis >= given.ndim else drawn(given, axis, count, rng)
        made = synthetic_inputs(self.model, seed, count, axes, **sizes, without=known)
        if axes.single:
            ranks = {value.name: len(dimensions(value) or ()) for value in real_inputs(self.model)}
            made = {name: x[0] if x.ndim > ranks[name] else x for name, x in made.items()}
        return {**made, **known}

    def _compare(
        self, whole: np.ndarray, part: np.ndarray, count: int, fewer: int, reached: bool
    ) -> tuple[int | None, bool]:
        """Return the axis of the samples in an output, and whether a sample has the result that is its own.

        `whole` is the result of `count` samples, `part` that of the last of them in front of `fewer` - 1 others. An
        output without the axis must not be `reached` by what is in the samples.
        """
        if whole.ndim != part.ndim:
            return None, False
        differing = [i for i, (a, b) in enumerate(zip(whole.shape, part.shape, strict=True)) if a != b]
        if not differing:
            return None, not reached and self._same(whole, part)
        fitting = [i for i in differing if part.shape[i] and whole.shape[i] * fewer == part.shape[i] * count]
        fitting = [i for i in fitting if whole.shape[i] % count == 0]
        if not fitting:
            return None, False
        axis = fitting[0]
        last, first = np.split(whole, count, axis)[-1], np.split(part, fewer, axis)[0]
        return axis, len(differing) == 1 and self._same(last, first)

    def _numbered(self, whole: np.ndarray, part: np.ndarray, count: int, pairs: Sequence[tuple[int, int]]) -> bool:
        """Return whether the rows of both begin with the number of their sample, one of `count`.

        The samples of `part` and `whole` in `pairs` are the same, and so have to be their rows.
        """
        if whole.ndim != 2 or part.ndim != 2 or whole.dtype.kind not in "iu" or not whole.size or not part.size:
            return False
        if not (whole[:, 0] >= 0).all() or not (whole[:, 0] < count).all() or len(np.unique(whole[:, 0])) < 2:
            return False
        rows = ((whole[whole[:, 0] == there, 1:], part[part[:, 0] == here, 1:]) for here, there in pairs)
        return all(self._same(a, b) for a, b in rows)

    def _same(self, expected: np.ndarray, value: np.ndarray) -> bool:
        """Return whether both are the same to the rounding of another order of summation."""
        if expected.shape != value.shape:
            return False
        if expected.dtype.kind != "f":
            return float(np.mean(expected != value)) <= 0.02 if expected.size else True
        if not np.array_equal(np.isnan(expected), np.isnan(value)):
            return False
        finite = np.isfinite(expected) & np.isfinite(value)
        if not np.array_equal(expected[~finite], value[~finite], equal_nan=True):
            return False
        a, b = (x[finite].astype(np.float64) for x in (expected, value))
        tolerance = max(self.tolerance, 1e-2 if expected.dtype == np.float16 else 0.0)
        return bool(np.linalg.norm(a - b) <= tolerance * np.linalg.norm(a) + 1e-6 * a.size**0.5)


def _reached(model: onnx.ModelProto, names: Sequence[str]) -> set[str]:
    """Return the values that depend on what is in the inputs `names`, and not on their shapes alone."""
    reached = set(names)
    for node in model.graph.node:
        if reached.intersection(read_by(node)) and not facts(node.op_type, node.domain).shape_only:
            reached.update(node.output)
    return reached


def _rounds(model: onnx.ModelProto) -> bool:
    return any(facts(node.op_type, node.domain).rounds for node in model.graph.node)


def _loose_outputs(model: onnx.ModelProto) -> Iterator[str]:
    """Yield the outputs whose shape depends on the data, as far as the operators before them tell."""
    loose, known = set[str](), {tensor.name for tensor in model.graph.initializer}  # known: of shapes alone
    for node in model.graph.node:
        held = facts(node.op_type, node.domain)
        if loose.intersection(node.input):
            loose.update(node.output)
        elif held.shape_only or known.issuperset(name for name in node.input if name):
            known.update(node.output)
        elif held.shaped_by_data:
            loose.update(node.output)
    for value in model.graph.output:
        dims = dimensions(value)
        if value.name in loose and (dims is None or any(not d.size for d in dims)):
            yield value.name
