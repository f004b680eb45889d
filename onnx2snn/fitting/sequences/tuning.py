"""Fits a network to sequences of frames: the fewest operations a frame within an error, or with an agreement."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Unpack

from onnx2snn.fitting.sequences.clips import Clip, divided, make_clip, selected, side_by_side
from onnx2snn.fitting.sequences.search import Choice, Search
from onnx2snn.fitting.sequences.trials import Judge, StreamPoint, Trier, named
from onnx2snn.settings.sequences import SequenceKeywords, SequenceSettings, collect_sequences
from onnx2snn_runtime.errors import InputError, Stage
from onnx2snn_runtime.model import SpikingModel

TRIALS, TRIALS_OF_PASSES = 40, 100
"""Trials that have to fit into the budget: else they see fewer frames; and those of a search for passes, too."""
SHORTEST = 8
"""Frames that a trial sees at least."""
CONFIRMED = 8
"""Choices that are tried on what was held back."""


@dataclass
class StreamTuning:
    """What `tune_stream` found: its choice, on the frames of the search and on those held back, and the frontier.

    `before` is the network as it came, one step a frame; `zones` are the dead zones chosen, by population and input.
    """

    chosen: StreamPoint
    reached: bool
    before: StreamPoint
    held_back: StreamPoint
    frontier: list[StreamPoint]
    zones: dict[str, float]
    trials: int
    frames: int
    seconds: float
    settings: SequenceSettings = field(default_factory=SequenceSettings)


@Stage("the search on sequences")
def tune_stream(
    snn: SpikingModel,
    sequences: Any,
    *,
    judge: Judge | None = None,
    progress: Callable[[str, float], None] | None = None,
    **keywords: Unpack[SequenceKeywords],
) -> StreamTuning:
    """Give `snn` dead zones, and steps a frame, that make streams like `sequences` cheapest, within what is asked for.

    `sequences` are arrays by input name, or one array, [frames, samples, ...]. A quarter of the samples is held back,
    or the second half of a single one: of what keeps to `target_error` or `target_agreement` there too, the choice of
    the fewest operations a frame is taken; where nothing does it is the nearest, and `reached` is False. With
    `target_agreement` alone the network may compute a frame coarsely first (`coarse`, `margin` of `snn`). `judge` says
    what the error of outputs is, by default the relative error. `timesteps` of `snn` are the steps a frame then. Input
    that does not fit, or a network whose spikes have no dead zone, raises InputError.
    """
    begun, settings = time.perf_counter(), collect_sequences(keywords)
    trier = Trier(snn, judge)
    seen, held = divided(snn, make_clip(snn, sequences))
    trier.expected(seen)
    if settings.target_agreement is not None and trier.axis is None:
        raise InputError(f"the output {trier.port.name!r} has no classes to agree on: give a target error")
    own = _zones(snn)
    search = Search(trier, _affordable(trier, seen, own, settings), settings, progress or (lambda stage, share: None))
    before = search.look(own, 1)
    search.run()
    choice, there = _confirmed(search, held)
    trier.put(choice.zones, choice.passes)
    snn.set_defaults(timesteps=choice.steps)
    return StreamTuning(
        chosen=named(choice.point, "chosen"),
        reached=search.met(choice.point) and search.met(there),
        before=named(before.point, "before"),
        held_back=named(there, "held back"),
        frontier=frontier([each.point for each in search.choices], settings.target_agreement is not None),
        zones=dict(choice.zones),
        trials=trier.trials,
        frames=search.clip.length,
        seconds=time.perf_counter() - begun,
        settings=settings,
    )


def frontier(points: Sequence[StreamPoint], by_agreement: bool = False) -> list[StreamPoint]:
    """Return the points that none beats in operations and quality, by operations."""
    kept: list[StreamPoint] = []
    for point in sorted(points, key=lambda p: (p.operations, _quality(p, by_agreement))):
        if not kept or _quality(point, by_agreement) < _quality(kept[-1], by_agreement):
            kept.append(point)
    return kept


def _quality(point: StreamPoint, by_agreement: bool) -> float:
    return 1 - point.agreement if by_agreement and point.agreement is not None else point.relative_error


def _zones(snn: SpikingModel) -> dict[str, float]:
    """Return the dead zones that the network has."""
    own = {name: snn.program.attributes(name).dead_zone for name in snn.population_names()}
    return {**own, **{name: snn.defaults.input_dead_zones.get(name, 0.0) for name in snn.defaults.spiking_inputs}}


def _affordable(trier: Trier, seen: Clip, zones: dict[str, float], settings: SequenceSettings) -> Clip:
    """Return as many sequences of `seen`, and frames of the last one, as the budget affords for each trial."""
    short = seen.between(0, min(SHORTEST, seen.length))
    trier.look(short, zones, 1)  # the first is slower than the others: it warms up
    start = time.perf_counter()
    trier.look(short, zones, 1)
    one = (time.perf_counter() - start) * seen.length / short.length
    trials = TRIALS if settings.target_agreement is None else TRIALS_OF_PASSES
    share, count = settings.budget / trials / max(one, 1e-9), side_by_side(trier.snn, seen)
    if share >= 1 or trier.snn.defaults.batch:
        return seen
    part = selected(trier.snn, seen, slice(0, max(1, int(share * count))))
    return part.between(0, max(short.length, min(seen.length, int(share * count * seen.length))))


def _confirmed(search: Search, held: Clip) -> tuple[Choice, StreamPoint]:
    """Return the cheapest choice that keeps to what is asked for on `held` too, else the nearest, and its figures."""
    order = sorted(search.choices, key=search.key)
    first: tuple[Choice, StreamPoint] | None = None
    least, closest, tried = float("inf"), float("inf"), 0
    for choice in order:
        loss, error = search.loss(choice.point), choice.point.relative_error
        if loss >= least and error >= closest and first is not None:
            continue
        least, closest = min(least, 0.95 * loss), min(closest, 0.95 * error)
        there = search.trier.look(held, choice.zones, choice.steps, passes=choice.passes)
        first, tried = first or (choice, there), tried + 1
        if search.met(there):
            return choice, there
        if tried >= CONFIRMED:
            break
    if first is None:
        raise InputError("nothing was tried: allow more time")
    return first
