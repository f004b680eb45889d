"""Exports a torch module as an ONNX model with a dynamic batch axis."""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import onnx
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from onnx2snn.zoo.base import Built, need
from onnx2snn_runtime.errors import ModelError

BATCH = "batch"
SEED = 0


class OneOutput(nn.Module):
    """A module whose inputs go by position, and whose output is the tensor that `pick` takes out of its result."""

    def __init__(self, module: nn.Module, inputs: list[str], pick: Callable[[Any], torch.Tensor]) -> None:
        super().__init__()
        self.module = module
        self.inputs = inputs
        self.pick = pick

    def forward(self, *values: torch.Tensor) -> torch.Tensor:
        """Return the one output for `values`, in the order of the inputs."""
        return self.pick(self.module(**dict(zip(self.inputs, values, strict=True))))


def export_module(built: Built, name: str) -> onnx.ModelProto:
    """Return `built` as ONNX by PyTorch's own exporter; what that refuses raises ModelError."""
    need("onnxscript", f"the export of {name!r}")
    free = ({0: torch.export.Dim(BATCH)},) * len(built.inputs)
    try:
        with _quiet(), torch.no_grad():
            program: Any = torch.onnx.export(
                built.module.eval(),
                tuple(built.inputs.values()),
                input_names=list(built.inputs),
                output_names=[built.output],
                dynamic_shapes=(free,) if isinstance(built.module, OneOutput) else free,
                dynamo=True,
                verbose=False,
            )
    except (torch.onnx.OnnxExporterError, RuntimeError) as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise ModelError(f"PyTorch cannot export {name!r} to ONNX: {reason}") from error
    proto: onnx.ModelProto = program.model_proto
    proto.graph.name = name
    return proto


@contextlib.contextmanager
def seeded() -> Iterator[None]:
    """Draw the same random weights every time, and leave the caller's generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        yield


def wake(module: nn.Module, inputs: dict[str, torch.Tensor]) -> None:
    """Make an untrained network answer something: no weights of zero, and batch norms that have seen noise."""
    with torch.no_grad(), seeded():
        for weight in module.parameters():
            if weight.ndim > 1 and not weight.any():
                weight.normal_(0.0, 0.02)
        norms = [part for part in module.eval().modules() if isinstance(part, _BatchNorm)]
        for norm in norms:
            norm.train().momentum = 1.0
        if norms:
            module(*(torch.randn(4, *value.shape[1:]) for value in inputs.values()))
    module.eval()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks, which are about its own working, off the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)  # what matters is raised
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
