"""Kernels of the dynamics `differential`: differential.c for CPUs, gpu/differential.py for GPUs."""

import functools
from collections.abc import Mapping
from typing import ClassVar, TypeGuard

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State
from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.kernels.base import KERNELS
from onnx2snn_runtime.kernels.launch import TritonKernel
from onnx2snn_runtime.kernels.native import CKernel
from onnx2snn_runtime.kernels.plans import DynamicsKernel, Plan


class DifferentialPlans(DynamicsKernel[Differential]):
    """The table holds the least spike of each step; `shift`, `half` and `odd` say how a mantissa is rounded."""

    source: ClassVar[str] = "differential"

    def supports(self, dynamics: Dynamics) -> TypeGuard[Differential]:
        """Return whether `dynamics` is differential, annealed or not."""
        return type(dynamics) is Differential

    def plan(self, dynamics: Differential, state: State, steps: int, t: int, neuron: Neuron) -> Plan:
        """Return the parameters of `steps` steps; a silent neuron stays silent once it has all its levels."""
        mantissa = neuron.mantissa if dynamics.mantissa is None else dynamics.mantissa
        most = dynamics.most_levels(neuron)
        levels = (
            tuple(dynamics.levels_at(t + i, neuron) for i in range(steps)) if dynamics.annealed else (most,) * steps
        )
        silent_from = next((i for i, n in enumerate(levels) if n == most), steps)
        bits = 52 if state.v.dtype == torch.float64 else 23
        table, reals, flags = _numbers(levels, mantissa, bits)
        gradual = {"reach": 2.0 ** min(mantissa, bits) if dynamics.underflows(neuron) else 0.0, "grid": 2.0**bits}
        reals = {**reals, "zone": dynamics.zone(neuron), **gradual}
        return Plan(state, neuron.scale, table, reals, flags, silent_from)


@functools.lru_cache(maxsize=1024)
def _numbers(
    levels: tuple[int, ...], mantissa: int, bits: int
) -> tuple[tuple[float, ...], Mapping[str, float], Mapping[str, int]]:
    """Return the least spike of each step, the largest spike, and the flags that round to `mantissa` of `bits` bits."""
    flags = {"shift": max(0, bits - mantissa), "half": int(mantissa < bits), "odd": int(0 < mantissa < bits)}
    return tuple(2.0 ** -(n - 1) for n in levels), {"top": 2.0 - 2.0**-mantissa}, flags


@KERNELS.register("differential")
class DifferentialScan(DifferentialPlans, CKernel[Differential]):
    """Equal to the bit to T times `Differential.step`."""


@KERNELS.register("differential_triton")
class DifferentialTriton(DifferentialPlans, TritonKernel[Differential]):
    """Equal to the bit to T times `Differential.step`."""
