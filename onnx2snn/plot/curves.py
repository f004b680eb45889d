"""Accuracy and error against time steps, and energy against accuracy, of what `evaluate` found."""

from collections.abc import Mapping
from typing import Any

from onnx2snn.plot.canvas import canvas
from onnx2snn_runtime.errors import InputError

KINDS = ("fp32", "fp16", "int8")
SHARES = (("accuracy", "accuracy"), ("agreement", "agreement with the plain network"), ("cosine", "cosine"))


def accuracy(found: Mapping[str, Any]) -> Any:
    """Return accuracy and agreement (or the cosine), and the relative error, against T; `found` is from `evaluate`."""
    figure, axes = canvas(2)
    _shares(axes[0], found)
    _errors(axes[1], found)
    return figure


def energy(found: Mapping[str, Any]) -> Any:
    """Return the energy, over that of the plain network, against accuracy, or else against agreement or the cosine.

    `found` is from `evaluate`; where it counted no operations, or its output has no such figure, InputError is raised.
    """
    if not found["energy"]:
        raise InputError("operations were not counted in this evaluation: there is no energy to draw")
    figure, (axes,) = canvas(1, width=4.4, height=3.2)
    _costs(axes, found)
    return figure


def overview(found: Mapping[str, Any]) -> Any:
    """Return `accuracy` and, beside it where operations were counted, `energy`: what `evaluate --plot` draws."""
    figure, axes = canvas(3 if found["energy"] else 2)
    for draw, one in zip((_shares, _errors, _costs), axes, strict=False):
        draw(one, found)
    return figure


def _shares(axes: Any, found: Mapping[str, Any]) -> None:
    steps = _steps(found)
    for key, name in SHARES:
        values = [at[key] for at in found["timesteps"].values()]
        if all(value is not None for value in values):
            axes.plot(steps, values, marker="o", label=name)
    if found["ann"]["accuracy"] is not None:
        axes.axhline(found["ann"]["accuracy"], color="0.4", linestyle=":", label="plain network")
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
    axes.set(xlabel="time steps T", ylabel="share")
    _step_ticks(axes, steps)


def _errors(axes: Any, found: Mapping[str, Any]) -> None:
    steps, values = _steps(found), [at["relative_error"] for at in found["timesteps"].values()]
    axes.plot(steps, [float("nan") if value is None else value for value in values], marker="o")
    axes.set(xlabel="time steps T", ylabel="relative error")
    _step_ticks(axes, steps)
    if any(value for value in values):
        from matplotlib.ticker import FuncFormatter, LogLocator

        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # errors often lie within one power of ten
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
        axes.minorticks_off()


def _costs(axes: Any, found: Mapping[str, Any]) -> None:
    figures = found["timesteps"]
    key, name = next(
        ((k, n) for k, n in SHARES if all(at[k] is not None for at in figures.values())), ("relative_error", "")
    )
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


def _steps(found: Mapping[str, Any]) -> list[int]:
    return [int(t) for t in found["timesteps"]]


def _step_ticks(axes: Any, steps: list[int]) -> None:
    if len(steps) > 2 and steps[-1] > 4 * steps[0]:
        axes.set_xscale("log", base=2)
    axes.set_xticks(steps, [str(step) for step in steps])
    axes.minorticks_off()
