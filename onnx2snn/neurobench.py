"""A converted network as a model of NeuroBench (arXiv 2304.04640), whose own harness then counts its operations.

>>> model = neurobench_model(snn, timesteps=16)
>>> Benchmark(model, loader, [], [], [[Footprint], [SynapticOperations, ActivationSparsity]]).run()

Of networks of `if` and `lif` neurons between affine layers: NeuroBench looks for nn.Linear and nn.Conv modules, and
counts an operation as an accumulate where what comes in is -1, 0 or 1. So spikes are 1, thresholds are in the weights.
"""

import importlib
from typing import Any

from onnx2snn.export.lines.modules import Neurons, Stepped
from onnx2snn.export.lines.translate import Wanted, translate
from onnx2snn_runtime.dynamics.integrate_and_fire import IntegrateAndFire
from onnx2snn_runtime.errors import InputError, UnsupportedError
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.settings import make_settings


def twin(snn: SpikingModel, timesteps: int | None = None, **overrides: Any) -> Stepped:
    """Return `snn` as a torch network of nn.Linear, nn.Conv and `Neurons`, in its dtype; it returns decoded outputs.

    `overrides` are those of `SpikingModel.run`. Other dynamics than `if` and `lif`, delays, coded inputs and what is no
    affine layer raise UnsupportedError. The result ends before readouts (softmax, arg max).
    """
    settings = make_settings(snn.defaults, overrides)
    if not isinstance(settings.dynamics, IntegrateAndFire):
        raise UnsupportedError(
            "NeuroBench counts accumulates of spikes of one size, which "
            f"{type(settings.dynamics).__name__} does not send: give dynamics='if' or 'lif'"
        )
    if settings.encoder is not None or settings.delay:
        raise UnsupportedError("a network with coded inputs or a delay has no twin for NeuroBench: use neither")
    network = translate(snn.program, settings.dynamics, Wanted(sums=False, dense=False))
    return Stepped(network, settings.dynamics, timesteps or snn.defaults.timesteps).to(snn.program.dtype).eval()


def neurobench_model(snn: SpikingModel, timesteps: int | None = None, **overrides: Any) -> Any:
    """Return `twin(...)` as a neurobench.models.TorchModel whose neurons are its activation modules."""
    try:
        models = importlib.import_module("neurobench.models")
    except ModuleNotFoundError as error:
        raise InputError(f"the package {error.name!r} is not installed: pip install 'onnx2snn[neurobench]'") from error
    model = models.TorchModel(twin(snn, timesteps, **overrides))
    model.add_activation_module(Neurons)
    return model
