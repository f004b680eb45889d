"""The runtime of onnx2snn: reads a spiking IR file and runs it over time steps; needs torch, onnx and numpy only.

>>> snn = onnx2snn_runtime.load("model.snn.onnx", device="cuda")
>>> y = snn(x, timesteps=4)
"""

import importlib
from typing import Any

_LAZY = {
    "Onnx2SnnError": "errors",
    "Onnx2SnnWarning": "errors",
    "InputError": "errors",
    "ModelError": "errors",
    "RegistryError": "errors",
    "UnsupportedError": "errors",
    "SpikingModel": "model",
    "Run": "model",
    "load": "loading",
}
__all__ = sorted(_LAZY)


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: reading the IR alone brings no torch."""
    if name not in _LAZY:
        raise AttributeError(f"module 'onnx2snn_runtime' has no attribute {name!r}")
    return getattr(importlib.import_module(f"onnx2snn_runtime.{_LAZY[name]}"), name)
