"""What adaptation gave up for what, in words."""

from onnx2snn.fitting.groups import Setting
from onnx2snn.fitting.trying import Look


def told(first: Look, start: Setting, last: Look, setting: Setting, adds: tuple[float, float]) -> list[str]:
    """Return what was given up for what, in sentences; `adds` are the shift-adds a neuron before and after."""
    if setting == start and first.timesteps == last.timesteps:
        return []
    gone = [f"T={first.timesteps} -> {last.timesteps}"] if first.timesteps != last.timesteps else []
    for what, place in (("levels", 0), ("mantissa", 1)):
        before, after = ({pair[place] for pair in s.values()} for s in (start, setting))
        changed = sum(start[name][place] != setting[name][place] for name in start)
        if changed:
            gone.append(f"{what} {_span(before)} -> {_span(after)} in {changed} of {len(start)} populations")
    costs = [f"{value:.3g}" for value in adds]
    events = [f"{look.events_per_neuron:.3g}" for look in (first, last)]
    return [
        f"{', '.join(gone)}: {costs[0]} -> {costs[1]} shift-adds and {events[0]} -> {events[1]} events a neuron, "
        f"relative error {first.error:.2%} -> {last.error:.2%}"
    ]


def _span(values: set[int]) -> str:
    return str(min(values)) if len(values) == 1 else f"{min(values)} to {max(values)}"
