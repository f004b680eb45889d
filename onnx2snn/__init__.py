"""The converter of onnx2snn, its command line and its Python API.

>>> snn = onnx2snn.convert("model.onnx", calibration=x)     # or: onnx2snn.load("model.snn.onnx", device="cuda")
>>> snn.save("model.snn.onnx")
>>> y = snn(x, timesteps=8)
>>> onnx2snn.evaluate(snn, x, labels)["timesteps"]
"""

import importlib
from typing import Any

_LAZY = {
    "convert": "onnx2snn.conversion",
    "ConversionReport": "onnx2snn.conversion",
    "AdaptationSettings": "onnx2snn.settings",
    "ConversionSettings": "onnx2snn.settings",
    "NetworkSettings": "onnx2snn.settings",
    "RangeSettings": "onnx2snn.settings",
    "SearchSettings": "onnx2snn.settings",
    "SpikeSettings": "onnx2snn.settings",
    "evaluate": "onnx2snn.evaluation.by_arrays",
    "load": "onnx2snn_runtime.loading",
    "Run": "onnx2snn_runtime.model",
    "SpikingModel": "onnx2snn_runtime.model",
    "Onnx2SnnError": "onnx2snn_runtime.errors",
    "Onnx2SnnWarning": "onnx2snn_runtime.errors",
    "InputError": "onnx2snn_runtime.errors",
    "ModelError": "onnx2snn_runtime.errors",
    "RegistryError": "onnx2snn_runtime.errors",
    "UnsupportedError": "onnx2snn_runtime.errors",
    "__version__": "onnx2snn.version",
}
__all__ = sorted(_LAZY)


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that the command line starts at once."""
    if name not in _LAZY:
        raise AttributeError(f"module 'onnx2snn' has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), "VERSION" if name == "__version__" else name)
