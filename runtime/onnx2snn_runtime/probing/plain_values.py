"""The values of the plain network, population by population: one pass, each function exact."""

from collections.abc import Mapping

import torch

from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.execution.values import ValueExecution
from onnx2snn_runtime.probing.plain import Exact
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.program import Program


@torch.no_grad()
def plain_values(program: Program, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return f(x) of every population, by the name of its output, and the outputs by name, for a batch on the device.

    Inputs must not vary in time.
    """
    exact = Exact()
    encoder = exact if program.defaults.spiking_inputs else None
    execution = ValueExecution(program, Settings(exact, encoder, program.defaults.input_scales))
    execution.set_inputs(inputs)
    execution.advance()
    return {name: state.v for name, state in execution.states.items()}, execution.outputs()
