"""Prints operations and energy, for the commands."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onnx2snn.cli import console
from onnx2snn.cli.sections import chain, option, section

if TYPE_CHECKING:
    from onnx2snn_runtime.probing.energy import EnergyProfile

COLUMNS = ["T", "effective ACs", "effective MACs", "shift-adds", "multiplications", "sparsity",
           "fp32", "fp16", "int8", "strict fp32", "strict int8"]  # fmt: skip
LAYERS = ["layer", "operator", "kind", "ACs", "MACs", "dense MACs", "ANN's MACs", "shift-adds", "multiplications",
          "fp32", "int8"]  # fmt: skip
MICRO = 1e-6
"""pJ in uJ."""

constants = section(
    "Energy",
    option(
        "--energy",
        "energy_file",
        type=click.Path(path_type=Path),
        help="Energies in pJ, TOML or JSON: tables fp32, fp16, int8 of multiply and add. By default those of 45 nm.",
    ),
)
choices = chain(
    section("Energy", option("--by-layer", is_flag=True, help="Show operations and energy layer by layer too.")),
    constants,
)


def profile_of(path: Path | None) -> "EnergyProfile":
    """Return the energies in the file at `path`, by default those of 45 nm."""
    from onnx2snn_runtime.probing.energy import HOROWITZ, read_profile

    return HOROWITZ if path is None else read_profile(path)


def show(found: dict[str, Any] | None, by_layer: bool = False) -> None:
    """Print operations and energy ratios by time steps, then, where that is wanted, those of the layers."""
    if found is None:
        return
    ann, costs = found["ann"], {name: found["constants"][name] for name in ("fp32", "fp16", "int8")}
    energies = ", ".join(f"{name} {_micro(next(iter(found[name].values()))['ann'])} uJ" for name in costs)
    console.say("")
    console.say(f"operations and energy a sample, {found['profile']}; left out: {found['left_out']}")
    console.say(
        f"plain network: {_count(ann['dense_macs'])} dense MACs ({_count(ann['effective_macs'])} effective), "
        f"{energies}; {_count(found['parameters'])} parameters"
    )
    console.table(COLUMNS, [_row(t, counts, found) for t, counts in found["operations"].items()], text=0)
    adds = ", ".join(f"{cost['add']:g} pJ ({name})" for name, cost in costs.items())
    console.say(f"fp32, fp16, int8: energy over that of the plain network's dense MACs, a shift-add at {adds};")
    console.say("strict: a MAC for each spike that is not -1, 0 or 1; above 1 the spiking network loses")
    if by_layer:
        show_layers(found["layers"], max(map(int, found["operations"])))


def show_layers(layers: list[dict[str, Any]], timesteps: int) -> None:
    """Print the operations of each layer, and its energy ratios."""
    console.say("")
    console.say(f"by layer, at T={timesteps}; fp32 and int8: its energy over that of its dense MACs")
    rows = []
    for layer in layers:
        names = ("effective_acs", "effective_macs", "dense_macs")
        macs = layer["effective_macs"] + layer["products"]
        counts = [layer["effective_acs"], macs, *(layer[name] for name in names[2:]), layer["ann"]["effective_macs"]]
        counts += [layer["shift_adds"], layer["multiplications"]]
        ratios = [_ratio(layer[name]["shift_adds"], layer[name]["ann"]) for name in ("fp32", "int8")]
        rows.append([layer["name"], layer["operator"], layer["kind"], *map(_count, counts), *ratios])
    console.table(LAYERS, rows, text=3)


def _row(t: str, counts: dict[str, float], found: dict[str, Any]) -> list[str | None]:
    names = ("effective_acs", "effective_macs", "shift_adds", "multiplications")
    macs = {**counts, "effective_macs": counts["effective_macs"] + counts["products"]}
    ratios = [console.number(found[name][t]["ratio"], 3) for name in ("fp32", "fp16", "int8")]
    strict = [console.number(found[name][t]["strict_ratio"], 3) for name in ("fp32", "int8")]
    sparsity = console.percent(counts["activation_sparsity"])
    return [t, *(_count(macs[name]) for name in names), sparsity, *ratios, *strict]


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _micro(value: float) -> str | None:
    return console.number(value * MICRO, 3)


def _ratio(part: float, whole: float) -> str | None:
    return console.number(part / whole, 3) if whole else None
