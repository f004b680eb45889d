"""What every kernel is tried on: targets with everything in them that is hard, in every layout."""

import math
from dataclasses import dataclass

import torch

from onnx2snn_runtime.dynamics.base import Neuron

Tensor = torch.Tensor


@dataclass(frozen=True)
class Case:
    """A chunk: its shape without time, the types, what lies where, and the neuron."""

    shape: tuple[int, ...] = (3, 5, 7, 2)
    wide: torch.dtype = torch.float32
    given: torch.dtype = torch.float32
    narrow: torch.dtype | None = None
    steps: int = 4
    first: int = 1
    scale: str = "number"
    levels: int = 12
    mantissa: int = 1
    sources: int = 1
    clamp: tuple[float, float] | None = None
    ceiling: float = math.inf
    layout: str = "contiguous"
    still: bool = False
    rows: int = 0
    onset: int = 0
    dead_zone: float = 0.0
    gradual: bool = False


CASES = {
    "plain": Case(),
    "odd": Case(shape=(1, 2049), steps=3),
    "threads": Case(shape=(4, 20001), steps=5, rows=3),
    "scalar": Case(shape=()),
    "empty": Case(shape=(0, 4)),
    "relu": Case(clamp=(0.0, math.inf)),
    "clip": Case(clamp=(-0.3, 1.1)),
    "power": Case(mantissa=0),
    "fine": Case(mantissa=5, levels=20, steps=8),
    "whole": Case(mantissa=23, levels=30),
    "deep": Case(levels=160, mantissa=2, steps=6),
    "one level": Case(levels=1, mantissa=0, steps=6),
    "later": Case(first=5),
    "begins later": Case(onset=3, steps=6, scale="channel"),
    "ceiling": Case(ceiling=1.1, steps=6),
    "channels with a ceiling": Case(ceiling=1.1, scale="channel", steps=6, clamp=(0.0, math.inf)),
    "odd scale": Case(scale="odd number", steps=6),
    "dead zone": Case(dead_zone=0.0625, steps=6),  # a share that errors meet exactly
    "dead zone of channels": Case(dead_zone=0.3, scale="channel", steps=6, clamp=(0.0, math.inf)),
    "dead zone, odd scale": Case(dead_zone=0.1, scale="odd number", steps=6),
    "dead zone, uneven scale": Case(dead_zone=0.07, scale="uneven"),
    "double dead zone": Case(wide=torch.float64, given=torch.float64, dead_zone=0.1, scale="odd number"),
    "gradual": Case(gradual=True, mantissa=3, levels=6, steps=6),
    "gradual, all levels": Case(gradual=True, mantissa=5, levels=100, scale="channel"),
    "gradual, uneven scale": Case(gradual=True, mantissa=4, levels=8, scale="uneven", steps=5),
    "gradual double": Case(wide=torch.float64, given=torch.float64, gradual=True, mantissa=2, levels=9),
    "fewer rows": Case(steps=7, rows=2, scale="channel"),
    "two sources": Case(sources=2),
    "channels": Case(scale="channel"),
    "neurons": Case(scale="neuron"),
    "scale with axes in front": Case(scale="in front"),
    "uneven scale": Case(scale="uneven"),
    "still": Case(still=True),
    "silent at first, annealed": Case(still=True, clamp=(-0.01, 0.01), steps=12),
    "still channels": Case(still=True, scale="channel", clamp=(0.0, 6.0)),
    "settles": Case(steps=16, rows=2),
    "settles by clamp": Case(steps=9, rows=3, clamp=(0.0, math.inf), scale="channel", shape=(64, 3, 40)),
    "channels last": Case(layout="channels last", scale="channel"),
    "channels last neurons": Case(layout="channels last", scale="neuron"),
    "batch inside": Case(layout="batch inside", scale="neuron"),
    "gaps": Case(layout="gaps", clamp=(0.0, math.inf)),
    "broadcast": Case(layout="broadcast"),
    "double": Case(wide=torch.float64, given=torch.float64),
    "double clip": Case(wide=torch.float64, given=torch.float64, clamp=(-0.3, 1.1), mantissa=0),
    "double for float": Case(given=torch.float64, clamp=(0.0, math.inf), steps=6),
    "float for double": Case(wide=torch.float64, clamp=(0.0, 6.0), scale="channel"),
    "double uneven": Case(wide=torch.float64, given=torch.float64, scale="uneven", mantissa=9, levels=40),
}
HALF = {
    "float16": Case(given=torch.float16, clamp=(0.0, math.inf)),
    "bfloat16": Case(given=torch.bfloat16, layout="channels last", scale="channel"),
    "float16 out": Case(given=torch.float16, narrow=torch.float16, steps=7, levels=24),
    "float out": Case(given=torch.float32, narrow=torch.float16),
}
DEVICE = {  # Triton's interpreter cuts bfloat16 off where devices round
    "bfloat16 out": Case(given=torch.bfloat16, narrow=torch.bfloat16, still=True, clamp=(0.0, 6.0)),
}


def inputs(case: Case) -> tuple[Tensor, Tensor, Neuron]:
    """Return a target with everything in it that is hard, a state to go on from, and the neuron."""
    draw = torch.Generator().manual_seed(len(repr(case)))
    shape = (1 if case.still else case.rows or case.steps, *case.shape)
    x = torch.randn(shape, generator=draw, dtype=torch.float64) * 2
    hard = [0.0, -0.0, math.nan, math.inf, -math.inf, 2.0**-140, -(2.0**-149), 3e38, -3e38, 1e-5, 6e4]
    hard += [sign * (1 + m / 8) * 2.0**-k for k in range(14) for m in range(8) for sign in (1, -1)]  # ties among them
    places = torch.randperm(x.numel(), generator=draw)[: len(hard)]
    x.view(-1)[places] = torch.tensor(hard, dtype=torch.float64)[: len(places)]
    x = _laid_out(x.to(case.given), case.layout)
    v = torch.randn(case.shape, generator=draw, dtype=torch.float64).to(case.wide) if case.first > 1 else None
    v = torch.zeros(case.shape, dtype=case.wide) if v is None else (v * 8).round() / 8
    neuron = Neuron(
        _scale(case),
        case.sources,
        case.levels,
        case.mantissa,
        case.ceiling,
        onset=case.onset,
        dead_zone=case.dead_zone,
        gradual=case.gradual,
    )
    return x, v, neuron


def _scale(case: Case) -> Tensor | float:
    if case.scale == "number":
        return 2.0
    if case.scale == "odd number":
        return 0.7
    shape = case.shape[1:]
    if case.scale == "channel":
        return (2.0 ** torch.arange(-2, shape[0] - 2)).to(case.wide).reshape(-1, *[1] * (len(shape) - 1))
    if case.scale == "in front":
        return 2.0 ** torch.arange(shape[0]).to(case.wide).reshape(1, -1, *[1] * (len(shape) - 1))
    numbers = torch.arange(1, math.prod(shape) + 1).reshape(shape).to(case.wide)
    return numbers / 7 if case.scale == "uneven" else 2.0 ** (numbers % 5)


def _laid_out(x: Tensor, layout: str) -> Tensor:
    if layout == "channels last":
        return x.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    if layout == "batch inside":
        return x.transpose(1, 2).contiguous().transpose(1, 2)
    if layout == "gaps":
        return torch.stack([x, x], -1)[..., 0]
    return x[..., :1].expand(x.shape) if layout == "broadcast" else x
