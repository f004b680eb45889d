"""A PyTorch module as a file of readable code, with its weights beside it: it needs torch and numpy alone.

Every node is a line; the operators, dynamics and encoders that it calls stand above as the runtime has them, so that
the file computes what the runtime does. Recurrences that are rolled up are loops over positions.
"""

from typing import Any

import numpy as np
import torch

from onnx2snn.export.base import EXPORTERS, Exported, Request
from onnx2snn.export.listings.module import module_text
from onnx2snn.export.listings.network import NetworkWriter
from onnx2snn_runtime.files import writing
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.program.rectifiers import neurons_of
from onnx2snn_runtime.settings import make_settings


@EXPORTERS.register("torch")
def export_torch(request: Request) -> Exported:
    """Write the network as a .py file, and its weights as an .npz beside it."""
    snn = request.snn
    settings = make_settings(snn.defaults, request.overrides)
    program = SpikingModel(snn.proto, snn.program.where).to(getattr(torch, request.dtype)).program
    writer = NetworkWriter(program, snn.proto, settings, neurons_of(program, settings.dynamics))
    weights = request.path.with_name(request.path.stem + ".weights.npz")
    about = f"Dynamics {type(settings.dynamics).__name__}, delay {settings.delay}; samples along the batch axes " \
            f"{snn.program.axes.inputs}."  # fmt: skip
    code = module_text(writer, weights.name, request.steps, request.dtype, about)
    with writing(request.path) as partial:
        partial.write_text(code)
        arrays: dict[str, Any] = writer.buffers.arrays
        np.savez(partial.with_name(weights.name), **arrays)
    return Exported([str(request.path), str(weights)], {"populations": len(writer.populations.neurons)}, _notes(snn))


def _notes(snn: SpikingModel) -> list[str]:
    notes = []
    if snn.defaults.batch:
        notes.append(f"the graph is fixed to a batch of {snn.defaults.batch}: give the module so many samples")
    return notes
