"""The figures of an evaluation as numbers with names, by time steps."""

from collections.abc import Mapping
from typing import Any

FIGURES = ("accuracy", "agreement", "cosine", "relative_error", "events_per_neuron", "synaptic_operations",
           "mean_timesteps")  # fmt: skip
KINDS = ("fp32", "fp16", "int8")


def scalars(found: Mapping[str, Any]) -> dict[int, dict[str, float]]:
    """Return the figures of `found`, what `evaluate` gave, by T and by name; those that do not apply are left out."""
    made: dict[int, dict[str, float]] = {}
    for t, at in found["timesteps"].items():
        own = {name: at[name] for name in FIGURES if at[name] is not None}
        if found["energy"]:
            own |= {f"energy/{kind}": found["energy"][kind][t]["ratio"] for kind in KINDS}
            own |= {
                f"operations/{name}": found["energy"]["operations"][t][name]
                for name in ("shift_adds", "multiplications")
            }
        made[int(t)] = {name: float(value) for name, value in own.items()}
    return made


def settings(found: Mapping[str, Any]) -> dict[str, str | int | float]:
    """Return what was evaluated, as the trackers show it."""
    plain = found["ann"]["accuracy"]
    held = {name: found[name] for name in ("model", "samples", "output", "populations", "neurons")}
    return held | ({} if plain is None else {"plain accuracy": plain})
