"""Spends what is left of the tolerance on spikes that cost less, population by population."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from onnx2snn.fitting.groups import Setting, put, rank
from onnx2snn.fitting.inner import answering, before_answers
from onnx2snn.fitting.local import Targets, mean_digits, record
from onnx2snn.fitting.lowering import Lowering
from onnx2snn.fitting.trying import Clock, Look, Trier
from onnx2snn_runtime.model import SpikingModel

SPENT = 0.85
"""So much of the tolerance is spent: other samples than those at hand may be harder."""
SHARE = 12
"""So many runs have to fit into what is left of the budget, or fewer samples are taken."""
MANY, LOOKED_AT = (16, 256), 2**27
"""Samples that errors are seen on, at least and at most: as many as have so many neurons."""
FEW, RANKED_ON = (2, 16), 2**23
"""The same for the ranking of populations."""
HIDDEN = 2.0
"""What lies before a readout may err so many times as much as before, where that is more than the tolerance."""


class Spending:
    """The second stage of adaptation: coarser spikes in a network that is within the tolerance.

    `runs` were done besides those of `trier`; `late` says that time was up, `notes` why nothing was made coarser.
    `digits` are those of a spike of each population with what was found, where anything was.
    """

    def __init__(self, trier: Trier, clock: Clock, tolerance: float, tell: Callable[[], None]) -> None:
        self.trier, self.clock, self.tolerance, self.tell = trier, clock, tolerance, tell
        self.runs, self.late = 0, False
        self.notes: list[str] = []
        self.digits: Mapping[str, float] = {}

    def run(
        self, setting: Setting, look: Look, seen: Mapping[str, np.ndarray], bits: int, power: bool
    ) -> tuple[Setting, Look]:
        """Return a setting that costs less than `setting`, which gave `look`, and is within the tolerance as well.

        Errors are seen on samples of `seen` too, and before readouts. No more than `bits` a spike are taken.
        """
        inner = self.trier.inside(before_answers(self.trier.snn))
        if not inner.real:
            self.notes.append("no spikes were made coarser: outputs that are whole numbers do not show small errors")
            return setting, look
        whole = self._joined(inner, look.timesteps, seen)
        put(whole, setting)
        base = whole.look([look.timesteps])[0]
        whole.limits = _limits(whole, self.trier, self.tolerance)
        bound = max(bound / whole.limits.get(name, 1.0) for name, (_, bound) in whole.errors().items())
        allowed = min(self.tolerance, max(SPENT * self.tolerance, bound))
        kept = [node.name or node.output[0] for node in answering(self.trier.snn)]
        found = None
        for gradual in (True, False):  # rounding small spikes otherwise may tip what is close to a tie
            _make_gradual((self.trier.snn, whole.snn), setting, gradual)
            if self.late:
                break
            targets = record(whole, look.timesteps, gradual)
            found = self._lowered(whole, setting, look, targets, (bits, power, kept), (allowed, bound / allowed))
            if found:
                break
        self.runs += whole.runs if whole is not self.trier else 0
        if found is None:
            self.notes += [] if self.late else [_why(base, bound, self.tolerance)]
        return found or (setting, look)

    def _joined(self, inner: Trier, steps: int, seen: Mapping[str, np.ndarray]) -> Trier:
        """Return what runs on samples of `seen` as well, as many as there is time for."""
        one = self.trier.seconds * steps / self.trier.samples
        count = min(_between(MANY, LOOKED_AT // max(1, self.trier.neurons)), int(self.clock.left / SHARE / one))
        return inner.joined(seen, count - inner.samples)

    def _lowered(
        self,
        whole: Trier,
        setting: Setting,
        look: Look,
        targets: Mapping[str, Targets],
        choice: tuple[int, bool, Sequence[str]],
        bounds: tuple[float, float],
    ) -> tuple[Setting, Look] | None:
        """Return what costs less with an error within the first of `bounds` on the samples of `whole`, or None.

        The second is that of `setting`, in units of the first.
        """
        allowed, over = bounds
        few = whole.few(_between(FEW, RANKED_ON // max(1, whole.neurons)))
        groups = rank(few, setting, look.timesteps, self.clock, self.tell)
        if groups is None:
            self.late = True
            return None
        lowering = Lowering(*choice)
        lowering.weigh(groups, setting, targets)
        found = lowering.run(
            setting, targets, allowed, lambda tried: self._tried(whole, tried, look, allowed), self.clock, self.tell,
            (whole.seconds + self.trier.seconds) * look.timesteps, over,
        )  # fmt: skip
        self.late = lowering.late
        if found is None:
            return None
        put(self.trier, found[0])
        self.digits = mean_digits(record(self.trier, look.timesteps))
        return found

    def _tried(self, whole: Trier, setting: Setting, start: Look, allowed: float) -> tuple[Look, float]:
        """Return what `setting` gives, and its error over what is allowed, on those held back alone, too.

        Those that set the ranges are easier: with them alone the tolerance would be spent on others' account.
        """
        put(whole, setting)
        look = whole.look([start.timesteps])[0]
        over = look.bound / allowed
        if over <= 1:
            put(self.trier, setting)
            held = self.trier.look([start.timesteps])[0]
            over = max(over, held.error / self.tolerance, held.bound / max(self.tolerance, start.bound))
        return look, over


def _limits(whole: Trier, outer: Trier, tolerance: float) -> dict[str, float]:
    """Return in which units errors count that are no outputs': a readout may hide more of them than the tolerance."""
    hidden = {name: bound for name, (_, bound) in whole.errors().items() if name not in outer.expected}
    return {name: max(1.0, HIDDEN * bound / tolerance) for name, bound in hidden.items()}


def _between(bounds: tuple[int, int], count: int) -> int:
    return max(bounds[0], min(bounds[1], count))


def _why(base: Look, bound: float, tolerance: float) -> str:
    """Return why nothing was made coarser."""
    if bound > SPENT * tolerance:
        return (
            f"no spikes were made coarser: on other samples the relative error may well be {bound:.2%} already, and "
            f"nothing cheaper keeps it within {tolerance:.2%}"
        )
    return f"no spikes were made coarser: nothing cheaper was found within the tolerance of {tolerance:.2%}"


def _make_gradual(networks: Sequence[SpikingModel], setting: Setting, gradual: bool) -> None:
    """Have small spikes of all populations be multiples of the smallest, or not."""
    for snn in networks:
        for name in setting:
            snn.set_population(name, gradual=int(gradual))
