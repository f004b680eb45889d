"""Names the population where the error first jumps, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from onnx2snn.diagnosis.tallies import Figures

FLOOR = 0.002
"""An own error below this is that of any spike of 8 bits."""
STANDS_OUT = 3.0
"""A population errs for itself where its own error is so many times the median."""
UNSEEN = 1.05
"""Values so many times those of the calibration were not seen in it."""
RANGE, SCALE, LEVELS, MANTISSA, STEPS, MANY = "range", "scale", "levels", "mantissa", "steps", "many"


@dataclass(frozen=True)
class Cause:
    """Why a population errs: one of the reasons above, and the same in words; without a population all of them do."""

    population: str | None
    reason: str
    sentence: str


def first_jump(populations: Sequence[Figures], t: int) -> Figures | None:
    """Return the first population, in order of execution, whose own error after t steps is near the largest.

    None where all err alike, or hardly: then no population is to blame.
    """
    own = {one.name: one.at[t].own_error for one in populations}
    largest = max(own.values(), default=0.0)
    few = len(own) < 4
    if largest < FLOOR or (not few and largest < STANDS_OUT * median(own.values())):
        return None
    return next(one for one in populations if own[one.name] >= largest / 2)


def cause(found: Figures | None, t: int) -> Cause:
    """Return why the population `found` errs after t steps."""
    if found is None:
        return Cause(
            None, MANY, f"no population stands out at T={t}: errors of about the same size add up from layer to layer"
        )
    at = found.at[t]
    says = f"its own error is {at.own_error:.1%} at T={t}"
    if at.beyond > 0.5:
        return _out_of_reach(found, t, says)
    if at.below > 0.5:
        least = found.scale * 2.0 ** (1 - found.levels)
        if found.dead_zone > 2.0**-found.levels:
            zone = found.dead_zone * found.scale
            return Cause(found.name, LEVELS, f"{says}, {at.below:.0%} of it in its dead zone of {zone:.3g}")
        return Cause(
            found.name, LEVELS,
            f"{says}, {at.below:.0%} of it below its least spike, {least:.3g} ({found.levels} levels below the scale "
            f"{found.scale:.3g}; its largest value is {found.largest:.3g}): too few levels",
        )  # fmt: skip
    later = [s for s in found.at if s > t and found.at[s].own_error <= at.own_error / 2]
    if later:
        return Cause(
            found.name, STEPS, f"{says}, and {found.at[later[0]].own_error:.1%} at T={later[0]}: too few steps"
        )
    return Cause(found.name, MANTISSA, f"{says}: its spikes are too coarse ({found.mantissa} bits of mantissa)")


def _out_of_reach(found: Figures, t: int, says: str) -> Cause:
    """Return why neurons are saturated: calibration did not see such values, or the scale does not hold what it saw."""
    at = found.at[t]
    says += f", {at.beyond:.0%} of it in the {at.saturated:.1%} of its neurons that are saturated"
    if found.calibrated and found.largest > UNSEEN * found.calibrated:
        return Cause(
            found.name, RANGE,
            f"{says}: calibration saw values up to {found.calibrated:.3g}, and here they reach {found.largest:.3g}, a "
            "range unseen in calibration",
        )  # fmt: skip
    seen = f", though calibration saw up to {found.calibrated:.3g}" if found.calibrated else ""
    return Cause(
        found.name, SCALE,
        f"{says}: its scale {found.scale:.3g} is {found.largest / found.scale:.3g} times too small for values up to "
        f"{found.largest:.3g}{seen}",
    )  # fmt: skip
