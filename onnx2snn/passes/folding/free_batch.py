"""Finds the axis of every input and output that counts the samples, and frees it where the graph was exported with one.

    x: float[1, 3, 8, 8], Reshape(y, [1, 192])   ->  x: float[batch, 3, 8, 8], Reshape(y, [0, 192])

Whether an axis is right is tried out: samples together must give what they give apart. Where a batch size is built into
the graph it is kept, and the runtime fills batches up to it; where samples act on each other they are never split;
where no axis counts samples a call takes one. `Work.axes` says what was found.
"""

from collections.abc import Mapping
from dataclasses import replace

import onnx
from onnx import shape_inference

from onnx2snn.passes.base import Work
from onnx2snn.passes.folding.batch_candidates import (
    Candidate,
    candidates,
    dimensions,
    leaves_out,
    likely_batch,
    real_inputs,
)
from onnx2snn.passes.folding.batch_trials import Outcome, Trials
from onnx2snn.passes.folding.loosen_batch import loosen
from onnx2snn.reference.guarded import infer_shapes
from onnx2snn_runtime.errors import InputError, Onnx2SnnError
from onnx2snn_runtime.ir.batch import ROWS, Axis, BatchAxes

AXIS = "batch"
MOST = 12
"""So many assignments are tried."""
GUESSES = (0, 64)
"""What stands in for free dimensions where there are no data; 0: what synthetic inputs take."""


def free_batch(work: Work) -> int:
    """Set `work.axes`, and make batch axes of a fixed size symbolic; return the number of inputs that are freed."""
    _check_asked(work)
    ordered = [c for c in candidates(work.model, work.batch_axes, work.samples) if c.axes][:MOST]
    if not ordered:
        return 0
    for guess in GUESSES if not work.samples else (0,):
        search = _Search(work, guess)
        if search.run(ordered):
            return search.freed
    work.axes = _axes(work, ordered[0], {}, size=0)  # nothing runs here: what is likely is taken
    return 0


class _Search:
    """The trials of one conversion."""

    def __init__(self, work: Work, guess: int) -> None:
        self.work, self.guess, self.freed = work, guess, 0
        self._trials: dict[tuple[object, ...], Trials | None] = {}

    def run(self, ordered: list[Candidate]) -> bool:
        """Take the first of the assignments that holds; return whether one does."""
        joint: tuple[Candidate, Outcome] | None = None
        dependent: list[Mapping[str, int | None]] = []
        fixed_inside = [replace(c, size=1, cost=c.cost + 1) for c in ordered if not c.size]
        for candidate in (*ordered, *fixed_inside):
            if all(axis is None for axis in candidate.axes.values()):
                continue
            outcome = self._together(candidate)
            if outcome is None or not (outcome.joint or any(a is not None for a in outcome.outputs.values())):
                continue  # it does not run, or no output asks for these samples
            if candidate.size == 1 and ROWS in outcome.outputs.values():
                continue  # made for one sample a call: what it finds is a list, an entry a sample
            if not outcome.joint:
                self._take(candidate, outcome)
                return True
            dependent += [candidate.axes] if not candidate.size else []
            if joint is None and not candidate.size and likely_batch(self.work.model, candidate):
                joint = candidate, outcome
        if joint is not None and not self._stacked():
            self._take_joint(*joint)
            return True
        model = self.work.model
        others = [c for c in ordered if c.axes not in dependent and likely_batch(model, c) and not leaves_out(model, c)]
        return any(self._at_size(candidate) for candidate in others) or self._single(ordered)

    def _stacked(self) -> bool:
        """Return whether the data are samples along a new first axis."""
        ranks = {v.name: len(dims) for v in real_inputs(self.work.model) if (dims := dimensions(v)) is not None}
        return any(value.ndim > ranks.get(name, value.ndim) for name, value in self.work.samples.items())

    def _model(self, candidate: Candidate) -> Trials | None:
        """Return what tries the graph with the axes of `candidate` free, None where that makes no valid graph."""
        key = candidate.size, *candidate.freed
        if key not in self._trials:
            model = self.work.model
            try:
                if candidate.size:
                    model = _freed(model, candidate)
                self._trials[key] = Trials(model, self.work.samples, self.guess)
            except (Onnx2SnnError, shape_inference.InferenceError):
                self._trials[key] = None
        return self._trials[key]

    def _together(self, candidate: Candidate) -> Outcome | None:
        trials = self._model(candidate)
        try:
            return trials.together(candidate) if trials is not None else None
        except Onnx2SnnError:
            return None  # the graph does not hold for these axes, or for other batch sizes

    def _take(self, candidate: Candidate, outcome: Outcome) -> None:
        work, trials = self.work, self._model(candidate)
        work.axes = _axes(work, candidate, outcome.outputs, size=0)
        work.built_in = max(work.built_in, candidate.size)
        self.freed = len(candidate.freed) or int(candidate.size > 0)
        if candidate.size and trials is not None:
            work.model = trials.model
        _correct_outputs(work.model, outcome, work.axes)

    def _take_joint(self, candidate: Candidate, outcome: Outcome) -> None:
        self._take(candidate, outcome)
        self.work.axes = _axes(self.work, candidate, outcome.outputs, size=0, joint=True)
        self.work.warnings.append(
            f"the samples act on each other, or cannot be told apart, in the output {outcome.joint[0]!r}: all samples "
            "are run at once, and none are held back"
        )

    def _at_size(self, candidate: Candidate) -> bool:
        """Take `candidate` with the batch size that its graph is fixed to, where it holds; return whether it does."""
        if all(axis is None for axis in candidate.axes.values()):
            return False
        size, work = candidate.size or 1, self.work
        try:
            outcome = Trials(work.model, work.samples, self.guess).at_size(candidate, size)
        except Onnx2SnnError:
            return False
        given = [work.samples[n].shape[a] for n, a in candidate.axes.items() if n in work.samples and a is not None]
        if outcome.joint and all(count == size for count in given):
            return False  # rows of one sample
        work.axes, work.built_in = _axes(work, candidate, outcome.outputs, size=size), size
        _correct_outputs(work.model, outcome, work.axes)
        work.warnings.append(
            f"the graph is fixed to a batch of {size}: "
            + ("samples run one at a time" if size == 1 else "other numbers of samples are filled up to it")
        )
        return True

    def _single(self, ordered: list[Candidate]) -> bool:
        """Take one sample a call, where no axis is left that could count samples."""
        none = next((c for c in ordered if all(axis is None for axis in c.axes.values())), None)
        free = any(not d.size for value in real_inputs(self.work.model) for d in dimensions(value) or ())
        if none is None or (free and not self._runs(none)):
            return False
        self.work.axes = _axes(self.work, none, dict.fromkeys(v.name for v in self.work.model.graph.output), size=0)
        return True

    def _runs(self, candidate: Candidate) -> bool:
        try:
            Trials(self.work.model, self.work.samples, self.guess).at_size(candidate, 1)
        except Onnx2SnnError:
            return False
        return True


def _axes(
    work: Work, candidate: Candidate, outputs: Mapping[str, Axis], *, size: int, joint: bool = False
) -> BatchAxes:
    ranks = {v.name: len(dims) for v in real_inputs(work.model) if (dims := dimensions(v)) is not None}
    declared = {v.name: dimensions(v) for v in work.model.graph.output}
    names = {value.name for value in work.model.graph.output}
    return BatchAxes(
        dict(candidate.axes),
        {**outputs, **{name: axis for name, axis in work.batch_axes.items() if name in names}},
        joint,
        size,
        ranks,
        {name: tuple(d.size for d in dims) for name, dims in declared.items() if dims is not None},
    )


def _check_asked(work: Work) -> None:
    """Raise InputError for a batch axis of something that is neither input nor output, or has no such axis."""
    values = {v.name: v for v in (*real_inputs(work.model), *work.model.graph.output)}
    for name, axis in work.batch_axes.items():
        if name not in values:
            raise InputError(
                f"there is no input or output {name!r} to give a batch axis: there are {', '.join(values)}"
            )
        dims = dimensions(values[name])
        if axis is not None and dims is not None and not 0 <= axis < len(dims):
            raise InputError(f"{name!r} has {len(dims)} axes, and no batch axis {axis}: count from 0, or give none")


def _freed(model: onnx.ModelProto, candidate: Candidate) -> onnx.ModelProto:
    """Return `model` with the chosen axes of a fixed size symbolic, and shapes inferred anew."""
    freed = onnx.ModelProto()
    freed.CopyFrom(model)
    loosen(freed, candidate.size)
    for value in real_inputs(freed):
        if value.name in candidate.freed:
            value.type.tensor_type.shape.dim[candidate.axes[value.name] or 0].dim_param = AXIS
    for value in freed.graph.output:
        value.type.tensor_type.ClearField("shape")
    return infer_shapes(freed, data_prop=True)


def _correct_outputs(model: onnx.ModelProto, outcome: Outcome, axes: BatchAxes) -> None:
    """Declare of every output what was seen, where the declaration says otherwise or nothing."""
    for value in model.graph.output:
        seen, axis = outcome.shapes[value.name], axes.outputs.get(value.name)
        dims, shape = dimensions(value), value.type.tensor_type.shape
        if dims is None or len(dims) != len(seen):
            value.type.tensor_type.ClearField("shape")
            shape = value.type.tensor_type.shape
            shape.SetInParent()
            for _ in seen:
                shape.dim.add()
        for place, size in enumerate(seen):
            wrong = shape.dim[place].dim_value not in (0, size) or (place == axis and not axes.size)
            if wrong and shape.dim[place].HasField("dim_value"):
                shape.dim[place].Clear()
            if place == axis and not axes.size and not shape.dim[place].dim_param:
                shape.dim[place].dim_param = AXIS
