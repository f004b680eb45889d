"""Accuracy and error against time steps, and energy against accuracy, of what `evaluate` found."""

from collections.abc import Mapping
from typing import Any

from onnx2snn.plot.canvas import canvas
from onnx2snn_runtime.errors import InputError

KINDS = ("fp32", "fp16", "int8")
SHARES = (("accuracy", "accuracy"), ("agreement", "agreement with the plain network"), ("cosine", "cosine"))


def accuracy(found: Mapping[str, Any]) -> Any:
    """Return accuracy and agreement (or the cosine), and the relative error, against T; `found` is from `evaluate`."""
    steps = [int(t) for t in found["timesteps"]]
    figure, (shares, errors) = canvas(2)
    for key, name in SHARES:
        values = [at[key] for at in found["timesteps"].values()]
        if all(value is not None for value in values):
            shares.plot(steps, values, marker="o", label=name)
    if found["ann"]["accuracy"] is not None:
        shares.axhline(found["ann"]["accuracy"], color="0.4", linestyle=":", label="plain network")
    if shares.get_legend_handles_labels()[0]:
        shares.legend()
    shares.set(xlabel="time steps T", ylabel="share")
    values = [at["relative_error"] for at in found["timesteps"].values()]
    errors.plot(steps, [float("nan") if value is None else value for value in values], marker="o")
    errors.set(xlabel="time steps T", ylabel="relative error")
    if any(value for value in values):
        errors.set_yscale("log")
    for axes in (shares, errors):
        _step_ticks(axes, steps)
    return figure


def energy(found: Mapping[str, Any]) -> Any:
    """Return the energy, over that of the plain network, against accuracy, or else against agreement or the cosine.

    `found` is from `evaluate`; where it counted no operations, or its output has no such figure, InputError is raised.
    """
    if not found["energy"]:
        raise InputError("operations were not counted in this evaluation: there is no energy to draw")
    figures = found["timesteps"]
    key, name = next(
        ((k, n) for k, n in SHARES if all(at[k] is not None for at in figures.values())), ("relative_error", "")
    )
    figure, (axes,) = canvas(1, width=4.4, height=3.2)
    for kind in KINDS:
        x = [found["energy"][kind][t]["ratio"] for t in figures]
        y = [at[key] for at in figures.values()]
        axes.plot(x, y, marker="o", label=kind)
        if kind == KINDS[0]:
            for t, left, up in zip(figures, x, y, strict=True):
                axes.annotate(f"T={t}", (left, up), xytext=(3, -9), textcoords="offset points", fontsize=7)
    axes.axvline(1.0, color="0.4", linestyle=":", label="plain network")
    axes.set(xlabel="energy / plain network", ylabel=name or "relative error")
    axes.legend()
    return figure


def _step_ticks(axes: Any, steps: list[int]) -> None:
    if len(steps) > 2 and steps[-1] > 4 * steps[0]:
        axes.set_xscale("log", base=2)
    axes.set_xticks(steps, [str(step) for step in steps])
    axes.minorticks_off()
