"""Executor `step`: one time step of the whole network after the other, so that memory does not grow with time."""

from collections.abc import Iterable
from dataclasses import replace

from onnx2snn_runtime.execution.base import EXECUTORS, Settings
from onnx2snn_runtime.execution.layer import LayerExecution
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.program import Program


@EXECUTORS.register("step")
class StepExecution(LayerExecution):
    """Computes chunks of a single time step."""

    def __init__(self, program: Program, settings: Settings) -> None:
        super().__init__(program, replace(settings, chunk=1))

    def run_steps(self, count: int, wanted: Iterable[int]) -> dict[int, dict[str, Tensor]]:
        """Make `count` time steps, one after the other, and return the outputs after those in `wanted`."""
        asked, outputs = set(wanted), dict[int, dict[str, Tensor]]()
        for _ in range(count):
            outputs |= super().run_steps(1, asked)
        return outputs
