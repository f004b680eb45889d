"""Fits the step sizes of ternary spikes to a network's depth, and to what it does on samples.

All neurons of a population move by eta(t) = initial decay^(t - 1 - onset) times their scales, from step onset + 1 on. A
population that begins `lag` steps after the one before it finds that one nearly settled: it need not follow what is
taken back later, and its step sizes may fall fast. So a large lag makes few events, and a small one few time steps.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from onnx2snn.fitting.adaptation import Adaptation
from onnx2snn.fitting.depths import depths
from onnx2snn.fitting.scales import layer_scales, own_scales, put_scales
from onnx2snn.fitting.trying import FITTING, Clock, Look, Trier
from onnx2snn.reference.ann import Reference
from onnx2snn.settings.spikes import Spikes
from onnx2snn_runtime.model import SpikingModel

MOST_STEPS = 64
FINEST = 0.004
"""Step sizes below this say nothing more."""
SHARE, FEWEST = 12, 2
"""So many runs have to fit into the budget, or fewer samples are taken; and so few at least."""


@dataclass(frozen=True)
class Steps:
    """The step sizes: eta(t) = initial decay^(t - 1), begun `lag` steps later for every population in a row."""

    initial: float
    decay: float
    lag: float

    def onset(self, depth: int) -> int:
        """Return how many steps go by before a population behind `depth` others begins."""
        return round(self.lag * depth)

    def length(self, deepest: int) -> int:
        """Return the time step after which nothing is left to say."""
        steps = np.log(FINEST / self.initial) / np.log(self.decay)
        return min(MOST_STEPS, self.onset(deepest) + int(np.ceil(steps)))


USUAL = ((0.7, 0.7), (0.7, 0.6), (0.6, 0.5), (0.6, 0.8), (0.7, 0.75))
FAST, SLOW = ((0.65, 0.45), (0.6, 0.45)), ((0.5, 0.85), (0.5, 0.9))
GRID = tuple(
    Steps(initial, decay, lag)
    for pairs, lags in ((USUAL, (0.25, 0.5)), (FAST, (0.6,)), (USUAL, (0.0, 1.0)))
    for lag in lags
    for initial, decay in pairs
) + tuple(Steps(initial, decay, lag) for initial, decay in SLOW for lag in (1.0, 0.5, 0.0))
"""What is tried, the likeliest first."""


def fit_schedule(
    snn: SpikingModel,
    inputs: Mapping[str, np.ndarray],
    spikes: Spikes,
    *,
    tolerance: float,
    budget: float,
    fits_scales: bool = False,
    reference: Reference | None = None,
    progress: Callable[[float], None] | None = None,
) -> Adaptation:
    """Give `snn` the step sizes that reach `tolerance` on `inputs` in the fewest time steps, then with fewest events.

    With `fits_scales` the channels of a layer get one scale where `inputs`, on which none was measured, want that.
    With `spikes.timesteps` given they are those of the least error after so many. What is best when `budget` seconds
    are spent stands. A schedule that was given stays; then its time steps alone are found.
    """
    whole, places = Trier(snn, inputs, reference), depths(snn.program)
    clock = Clock(FITTING * budget)
    trier = _affordable(whole, clock)
    search = _Search(trier, places, clock, tolerance, spikes, progress or (lambda share: None))
    found = search.run(GRID if spikes.fits_schedule else (), fits_scales)
    if found is not None:
        search.put(found[0])
    timesteps = found[1].timesteps if found else spikes.timesteps
    last = whole.look([timesteps])[0]
    if spikes.fits_timesteps and last.error > tolerance and timesteps < MOST_STEPS:
        later = whole.look(range(timesteps + 1, min(MOST_STEPS, timesteps + (6 if found else MOST_STEPS)) + 1))
        last = next((look for look in later if look.error <= tolerance), later[-1])
    return Adaptation(
        relative_error=last.error,
        agreement=whole.agreement(),
        reached=last.error <= tolerance and not whole.not_finite(),
        timesteps=last.timesteps,
        expected=whole.expected,
        runs=trier.runs + whole.runs,
        out_of_time=clock.left <= 0,
        not_finite=whole.not_finite(),
        seconds=whole.seconds * last.timesteps,
        left=clock.left + (1 - FITTING) * budget,
        notes=([_note(found[0], last)] if found else []) + search.notes,
    )


def _affordable(whole: Trier, clock: Clock) -> Trier:
    """Return what runs on as many samples as leave time for `SHARE` runs."""
    whole.look([2])  # the first run is slower than those that follow
    whole.look([2])
    fitting = clock.left / (SHARE * MOST_STEPS / 2) / max(1e-9, whole.seconds) * whole.samples
    return whole.few(max(FEWEST, int(fitting)))


class _Search:
    """Tries steps; `deepest` is the most populations in a row, but for one."""

    def __init__(
        self,
        trier: Trier,
        places: Mapping[str, int],
        clock: Clock,
        tolerance: float,
        spikes: Spikes,
        tell: Callable[[float], None],
    ) -> None:
        self.trier, self.places, self.clock, self.tolerance, self.tell = trier, places, clock, tolerance, tell
        self.fixed = None if spikes.fits_timesteps else spikes.timesteps
        self.deepest = max(places.values(), default=0)
        self.notes: list[str] = []

    def put(self, steps: Steps) -> None:
        """Give the network these step sizes."""
        options = {"initial": steps.initial, "decay": steps.decay}
        self.trier.snn.set_defaults(schedule="exponential", schedule_options=options)
        for name, depth in self.places.items():
            self.trier.snn.set_population(name, onset=steps.onset(depth))

    def run(self, grid: tuple[Steps, ...], fits_scales: bool = False) -> tuple[Steps, Look] | None:
        """Return the best of `grid`, or as much of it as there is time for; None for an empty one.

        With the first of it, scales are chosen (`fits_scales`).
        """
        best: tuple[Steps, Look] | None = None
        for steps in grid:
            reached = best is not None and best[1].error <= self.tolerance
            most = (
                best[1].timesteps if best and reached and not self.fixed else self.fixed or steps.length(self.deepest)
            )
            least = steps.onset(self.deepest) + 1
            if least > most or (best and steps.decay > 0.8 and reached):
                continue
            if best and self.clock.left < self.trier.seconds * most:
                break
            near = self._near(steps, least, most)
            if best is None and fits_scales:
                near = self._with_scales(steps, least, most, near)
            if best is None or self._key(near) < self._key(best[1]):
                best = (steps, near)
            self.tell(self.clock.share)
        return best

    def _near(self, steps: Steps, least: int, most: int) -> Look:
        """Return the best look of `steps`, after `least` to `most` time steps or after those that are fixed."""
        self.put(steps)
        return min(self.trier.look([self.fixed] if self.fixed else range(least, most + 1)), key=self._key)

    def _with_scales(self, steps: Steps, least: int, most: int, near: Look) -> Look:
        """Have one scale a layer where that does better than one a channel, which gave `near`; return the better."""
        snn = self.trier.snn
        own = own_scales(snn)
        if not own or self.clock.left < self.trier.seconds * most:
            return near
        put_scales(snn, layer_scales(snn))
        other = self._near(steps, least, most)
        if self._key(other) < self._key(near):
            self.notes.append(f"one scale a layer: with one a channel {near.error:.1%} off, not {other.error:.1%}")
            return other
        put_scales(snn, own)
        return near

    def _key(self, look: Look) -> tuple[float, ...]:
        """Return what orders looks: those within the tolerance by time steps and events, the others by error."""
        if self.fixed or look.error > self.tolerance:
            return (1.0, look.error, 0.0)
        return (0.0, look.timesteps, look.events_per_neuron)


def _note(steps: Steps, look: Look) -> str:
    return (
        f"step sizes fitted: eta(t) = {steps.initial:g} * {steps.decay:g}^(t - 1), begun {steps.lag:g} steps later for "
        f"every population in a row; {look.events_per_neuron:.3g} events a neuron at T={look.timesteps}"
    )
