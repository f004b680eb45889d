"""What an execution finds once and needs for every population: kernels by type and device, states before the start."""

from collections.abc import Sequence
from typing import Any

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, State
from onnx2snn_runtime.execution.functions import Bound
from onnx2snn_runtime.kernels import base
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.population import Population


class Kernels:
    """Finds the kernels of `dynamics`, for estimates in the type `wide`."""

    def __init__(self, dynamics: Dynamics, wide: torch.dtype) -> None:
        self.dynamics, self.wide = dynamics, wide
        self._found: dict[Any, base.Kernel | None] = {}
        self._starts: dict[Any, State] = {}

    def find(self, target: Tensor) -> base.Kernel | None:
        """Return the kernel for targets like this one, None where there is none."""
        key = (target.dtype, target.device)
        if key not in self._found:
            self._found[key] = base.find_kernel(self.dynamics, target)
        return self._found[key]

    def function(self, bound: Bound | None, sources: Sequence[Tensor]) -> Bound | None:
        """Return the function of a population if a kernel computes it for these sources."""
        if bound is None or self.dynamics.rectifies or not bound.function.fits(sources, self.wide):
            return None
        return bound if base.computes(self.find(sources[0])) else None

    def start(self, item: Population, like: Tensor) -> State:
        """Return the state of `item` before its first step: one for all equal shapes; see `Execution.start`."""
        item.check_scale(like.shape)
        key = (like.shape, like.device)
        if key not in self._starts:
            self._starts[key] = self.dynamics.init(like.to(self.wide))
        return self._starts[key]
