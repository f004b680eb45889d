"""The scan of `differential` over a chunk of time: differential.c on a CPU, gpu/differential.py on a GPU."""

import functools
from collections.abc import Mapping
from typing import ClassVar, TypeGuard

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State
from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.kernels.base import KERNELS
from onnx2snn_runtime.kernels.launch import Launched
from onnx2snn_runtime.kernels.native import Compiled
from onnx2snn_runtime.kernels.plans import Plan, Planned


class DifferentialPlans(Planned[Differential]):
    """The table holds the least spike of each step; `shift`, `half` and `odd` round the mantissa by its bit pattern."""

    source: ClassVar[str] = "differential"

    def follows(self, dynamics: Dynamics) -> TypeGuard[Differential]:
        """Return whether `dynamics` is differential, annealed or not."""
        return type(dynamics) is Differential

    def plan(self, dynamics: Differential, state: State, steps: int, t: int, neuron: Neuron) -> Plan:
        """Return the parameters of `steps` steps; silence says nothing while levels are still to come."""
        mantissa = neuron.mantissa if dynamics.mantissa is None else dynamics.mantissa
        most = dynamics.most_levels(neuron)
        levels = (
            tuple(dynamics.levels_at(t + i, neuron) for i in range(steps)) if dynamics.annealed else (most,) * steps
        )
        done = next((i for i, n in enumerate(levels) if n == most), steps)
        table, reals, flags = _numbers(levels, mantissa, 52 if state.v.dtype == torch.float64 else 23)
        return Plan(state, neuron.scale, table, reals, flags, done)


@functools.lru_cache(maxsize=1024)
def _numbers(
    levels: tuple[int, ...], mantissa: int, bits: int
) -> tuple[tuple[float, ...], Mapping[str, float], Mapping[str, int]]:
    """Return the least spike of each step, the largest one, and how a mantissa of `bits` bits is rounded."""
    flags = {"shift": max(0, bits - mantissa), "half": int(mantissa < bits), "odd": int(0 < mantissa < bits)}
    return tuple(2.0 ** -(n - 1) for n in levels), {"top": 2.0 - 2.0**-mantissa}, flags


@KERNELS.register("differential")
class DifferentialScan(DifferentialPlans, Compiled[Differential]):
    """Equal to the bit to T times `Differential.step`."""


@KERNELS.register("differential_triton")
class DifferentialTriton(DifferentialPlans, Launched[Differential]):
    """Equal to the bit to T times `Differential.step`."""
