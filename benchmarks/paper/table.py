"""Prints the figures as a Markdown table."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.paper.settings import CLASSICAL_TIMESTEPS


def lines(results: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of the table: accuracy in percent against time steps, then what was refused and why."""
    steps = [str(t) for t in CLASSICAL_TIMESTEPS if any(str(t) in row for row in _measured(results))]
    yield "| network | ANN | dynamics | " + " | ".join(f"T={t}" for t in steps) + " |"
    yield "|---" * (3 + len(steps)) + "|"
    for result in results:
        for name, figures in result["settings"].items():
            cells = [_cell(figures, t) for t in steps]
            yield f"| {result['network']} | {100 * result['ann']:.1f} | {name} | " + " | ".join(cells) + " |"
    yield ""
    for result in results:
        for name, figures in result["settings"].items():
            if "schedule" in figures:
                yield f"{result['network']}, {name}: {figures['schedule']}"
        for kinds, names in _refusals(result).items():
            yield f"{result['network']}: {', '.join(names)} refused, for its neurons {kinds}"


def _measured(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [f["timesteps"] for result in results for f in result["settings"].values() if "timesteps" in f]


def _cell(figures: dict[str, Any], t: str) -> str:
    if "refused" in figures:
        return "refused"
    return f"{100 * figures['timesteps'][t]['accuracy']:.1f}" if t in figures["timesteps"] else "-"


def _refusals(result: dict[str, Any]) -> dict[str, list[str]]:
    """Return the dynamics that refused the network, by the kinds of neurons that they gave as the reason."""
    found: dict[str, list[str]] = {}
    for name, figures in result["settings"].items():
        if "refused" in figures:
            kinds = dict.fromkeys(re.findall(r"([\w-]+) \(", figures["refused"]))
            found.setdefault(", ".join(kinds), []).append(name)
    return found
