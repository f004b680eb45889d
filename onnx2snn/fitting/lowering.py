"""Lowers levels and mantissa bits where they matter little, as far as the tolerance allows."""

from collections.abc import Callable, Mapping
from itertools import product

from onnx2snn.fitting.groups import Group, Ranking, Setting, lowered, put
from onnx2snn.fitting.trying import Clock, Look, Trier, digits

TRIALS = 7


def lower(
    trier: Trier,
    ranking: Ranking,
    setting: Setting,
    look: Look,
    tolerance: float,
    clock: Clock,
    holds: Callable[[Setting, int], bool],
    tell: Callable[[], None],
) -> tuple[Setting, Look]:
    """Return the cheapest setting found whose bound of the error is within the tolerance; at first (setting, look).

    `holds` says whether a setting does on the samples that were held back. A price of error says for each group which
    levels and mantissa bits are worth it; the price is bisected on what runs of all samples give.
    """
    best = (setting, look)
    low, high = -40.0, 40.0  # log2 of the price of the square of the error, in shift-adds
    for _ in range(TRIALS):
        price = _price(ranking, tolerance**2 - look.bound**2, low, high)
        if clock.left < trier.seconds * look.timesteps or high - low < 0.2:
            break
        tried = _choice(ranking, setting, 2.0**price)
        put(trier, tried)
        seen = trier.look([look.timesteps])[0]
        tell()
        if seen.bound <= tolerance and holds(tried, look.timesteps):
            high = price
            if cost(seen, tried) < cost(best[1], best[0]):
                best = (tried, seen)
        else:
            low = price
    return best


def cost(look: Look, setting: Setting) -> float:
    """Return the shift-adds a neuron and synapse."""
    return look.shift_adds({name: mantissa for name, (_, mantissa) in setting.items()})


def _price(ranking: Ranking, room: float, low: float, high: float) -> float:
    """Return the price between `low` and `high` that is expected to fill `room`; their middle once both were tried."""
    if low > -40 or high < 40:
        nearer = [low + 2, high - 2]  # one side is not yet known: a step of four from the other
        return nearer[0] if high == 40 else nearer[1] if low == -40 else (low + high) / 2
    for price in range(40, -41, -1):
        if _expected(ranking, 2.0**price) > room:
            return float(price + 1)
    return -39.0


def _expected(ranking: Ranking, price: float) -> float:
    return sum(_rise(ranking, group, *_best(ranking, group, price)) for group in ranking.groups)


def _choice(ranking: Ranking, setting: Setting, price: float) -> Mapping[str, tuple[int, int]]:
    """Return what the groups choose at `price`."""
    made: Mapping[str, tuple[int, int]] = setting
    for group in ranking.groups:
        levels, mantissa = _best(ranking, group, price)
        made = lowered(lowered(made, "levels", levels, group.names), "mantissa", mantissa, group.names)
    return made


def _best(ranking: Ranking, group: Group, price: float) -> tuple[int, int]:
    """Return the levels and mantissa bits of the group that are cheapest, their error at `price` included."""
    pairs = product(ranking.curves["levels"].values, ranking.curves["mantissa"].values)
    return min(pairs, key=lambda pair: _adds(ranking, group, *pair) + price * _rise(ranking, group, *pair))


def _adds(ranking: Ranking, group: Group, levels: int, mantissa: int) -> float:
    """Return the shift-adds of the group, were its mantissa `mantissa` everywhere."""
    curve = ranking.curves["levels"]
    look = curve.looks[curve.values.index(levels)]
    return group.events(look) / max(1, look.neurons) * digits(mantissa)


def _rise(ranking: Ranking, group: Group, levels: int, mantissa: int) -> float:
    """Return by how much the square of the error is expected to rise."""
    curves = ranking.curves
    return group.levels * curves["levels"].rise(levels) + group.mantissa * curves["mantissa"].rise(mantissa)
