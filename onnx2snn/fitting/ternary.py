"""Fits the step sizes of ternary spikes to a network's depth, and to what it does on samples.

All neurons of a population move by eta(t - onset), eta(t) = max(least, initial decay^(t - 1)), times their scales.
Populations begin one after the other, when what they follow has settled enough (`onsets`): they need not take back
later what they have followed. The `least` step size lets them make up for the rest, and be silent otherwise; all of
them begin sooner, and the network needs fewer time steps, the more a time step is said to be worth.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from onnx2snn.fitting.adaptation import Adaptation
from onnx2snn.fitting.depths import depths
from onnx2snn.fitting.onsets import fit_onsets, length
from onnx2snn.fitting.scales import layer_scales, own_scales, put_scales
from onnx2snn.fitting.trying import FITTING, Clock, Look, Trier
from onnx2snn.reference.ann import Reference
from onnx2snn.settings.spikes import Spikes
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.schedules.exponential import Exponential

MOST_STEPS = 64
SHARE, FEWEST = 12, 2
"""So many runs have to fit into the budget, or fewer samples are taken; and so few at least."""
FITTED, MEMORY = 2, 2**30
"""On so many samples onsets are fitted, or as many as so many bytes hold the estimates of; one at least."""
HARDER = 1.3
"""The error on other samples is taken to be so many times that on those at hand."""
LATER = 8
"""So many steps after the last population has its least step size nothing new is looked for."""
PAIRS = ((0.6, 0.6), (0.6, 0.5), (1.0, 0.5), (0.65, 0.45), (1.0, 0.6), (0.7, 0.7), (0.7, 0.75), (0.6, 0.8))
"""The initial step size and the decay, the likeliest first."""
FLOORS = (1.0, 0.5, 0.25, 0.125)
"""What the least step size is, in parts of `_coarsest`."""
WORTHS = (30.0, 10.0, 3.0, 1.0, 0.3, 0.1)
"""What a time step is worth, in parts of the squared tolerance shared out among the populations in a row."""


@dataclass(frozen=True)
class Steps:
    """What is tried: the places of the step sizes in PAIRS, FLOORS and WORTHS."""

    pair: int = 0
    floor: int = 1
    worth: int = 2

    def near(self, reached: bool) -> Iterator["Steps"]:
        """Yield others, the likeliest first: finer ones, or cheaper ones where that is `reached`, then other pairs."""
        by, pairs = -1 if reached else 1, range(len(PAIRS))
        beside = [replace(self, worth=self.worth + by), replace(self, floor=self.floor + by)]
        beside += [replace(self, pair=pair) for pair in pairs]
        beside += [replace(self, floor=self.floor - by), replace(self, worth=self.worth - by)]
        worths = sorted(range(len(WORTHS)), key=lambda worth: abs(worth - self.worth))
        beside += [replace(self, pair=pair, worth=worth) for worth in worths for pair in pairs]
        yield from (s for s in beside if 0 <= s.floor < len(FLOORS) and 0 <= s.worth < len(WORTHS))


@dataclass(frozen=True)
class Found:
    """What some steps give: the schedule, the onsets of the populations, the best of their looks, the least error."""

    steps: Steps
    schedule: Exponential
    onsets: Mapping[str, int]
    look: Look
    nearest: float


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
    found = search.run(fits_scales) if spikes.fits_schedule else None
    if found is not None:
        search.put(found.schedule, found.onsets)
    timesteps = found.look.timesteps if found else spikes.timesteps
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
        notes=([_note(found, last)] if found else []) + search.notes,
    )


def _affordable(whole: Trier, clock: Clock) -> Trier:
    """Return what runs on as many samples as leave time for `SHARE` runs."""
    whole.look([2])  # the first run is slower than those that follow
    whole.look([2])
    fitting = clock.left / (SHARE * MOST_STEPS / 2) / max(1e-9, whole.seconds) * whole.samples
    return whole.few(max(FEWEST, int(fitting)))


class _Search:
    """Tries steps, those near the best ones so far, as long as there is time and something to try."""

    def __init__(
        self,
        trier: Trier,
        places: Mapping[str, int],
        clock: Clock,
        tolerance: float,
        spikes: Spikes,
        tell: Callable[[float], None],
    ) -> None:
        self.trier, self.clock, self.tolerance, self.tell = trier, clock, tolerance, tell
        self.fixed = None if spikes.fits_timesteps else spikes.timesteps
        self.share = tolerance**2 / (1 + max(places.values(), default=0))
        room = MEMORY / (4 * MOST_STEPS * max(1, trier.neurons))
        self.fitted, _ = trier.some(max(1, min(FITTED, int(room))))
        self.tried: dict[tuple[Exponential, tuple[int, ...]], Found] = {}
        """What was found, by step sizes and onsets."""
        self.notes: list[str] = []

    def put(self, schedule: Exponential, onsets: Mapping[str, int]) -> None:
        """Give the network these step sizes and onsets."""
        self.trier.snn.set_defaults(schedule="exponential", schedule_options=dict(vars(schedule)))
        for name, onset in onsets.items():
            self.trier.snn.set_population(name, onset=onset)

    def run(self, fits_scales: bool = False) -> Found:
        """Return the best that there is time for. With the first that is tried, scales are chosen (`fits_scales`)."""
        best = self._try(Steps(), MOST_STEPS)
        if fits_scales:
            best = self._with_scales(best)
        seen = {best.steps}
        while steps := next((s for s in best.steps.near(self._reached(best)) if s not in seen), None):
            most = best.look.timesteps if self._reached(best) and not self.fixed else MOST_STEPS
            if self.clock.left < 2 * self.trier.seconds * most:
                break
            seen.add(steps)
            found = self._try(steps, most)
            best = found if self._key(found) < self._key(best) else best
            self.tell(self.clock.share)
        return best

    def _reached(self, found: Found) -> bool:
        return HARDER * found.look.error <= self.tolerance

    def _try(self, steps: Steps, most: int) -> Found:
        """Fit the onsets, and return the best look after the time steps that are fixed, or after at most `most`."""
        initial, decay = PAIRS[steps.pair]
        schedule = Exponential(initial, decay, float(f"{FLOORS[steps.floor] * self._coarsest():.2g}"))
        last = self.fixed or MOST_STEPS
        self.put(schedule, dict.fromkeys(self.trier.snn.population_names(), 0))
        onsets = fit_onsets(self.trier.snn, self.fitted, last, WORTHS[steps.worth] * self.share)
        self.put(schedule, onsets)
        known = (schedule, tuple(onsets.values()))
        if known in self.tried:
            return replace(self.tried[known], steps=steps)
        begun = max(onsets.values(), default=0)
        most = max(1, min(most, begun + length(schedule, last) + LATER))
        looks = self.trier.look([self.fixed] if self.fixed else range(min(begun + 1, most), most + 1))
        best = min(looks, key=self._look_key)
        self.tried[known] = Found(steps, schedule, onsets, best, min(look.error for look in looks))
        return self.tried[known]

    def _coarsest(self) -> float:
        """Return the step size in whose rounding errors alone, which add up, the tolerance would be spent.

        A neuron is within half of its last step times its scale of its target, evenly: a relative error of a step,
        times the scale in units of the root mean square, over sqrt(12).
        """
        own = [p.attributes for p in self.trier.snn.program.populations]
        coarse = [np.sqrt(np.mean(np.square(a.scale, dtype=float))) / a.rms for a in own if a.rms > 0]
        usual = float(np.exp(np.mean(np.log(coarse)))) if coarse else 1.0
        return float(np.sqrt(12 / max(1, len(own)))) * self.tolerance / usual

    def _with_scales(self, own: Found) -> Found:
        """Have one scale a layer unless one a channel, which gave `own`, does clearly better; return what is had.

        A channel's scale stands for the samples that it was measured on; on others it may be out of reach.
        """
        snn = self.trier.snn
        scales = own_scales(snn)
        if not scales or self.clock.left < 2 * self.trier.seconds * MOST_STEPS:
            return own
        put_scales(snn, layer_scales(snn))
        before, self.tried = self.tried, {}
        other = self._try(own.steps, MOST_STEPS)
        if other.nearest <= HARDER * own.nearest:
            self.notes.append(f"one scale a layer: {other.nearest:.1%} off, with one a channel {own.nearest:.1%}")
            return other
        put_scales(snn, scales)
        self.tried = before
        return own

    def _key(self, found: Found) -> tuple[float, ...]:
        return self._look_key(found.look)

    def _look_key(self, look: Look) -> tuple[float, ...]:
        """Return what orders looks: those within the tolerance by time steps and events, the others by error."""
        if self.fixed or HARDER * look.error > self.tolerance:
            return (1.0, look.error, 0.0)
        return (0.0, look.timesteps, look.events_per_neuron)


def _note(found: Found, look: Look) -> str:
    law = found.schedule
    return (
        f"step sizes fitted: eta(t) = {law.initial:g} * {law.decay:g}^(t - 1), but no less than {law.least:g}; the "
        f"last population begins after {max(found.onsets.values(), default=0)} steps; "
        f"{look.events_per_neuron:.3g} events a neuron at T={look.timesteps}"
    )
