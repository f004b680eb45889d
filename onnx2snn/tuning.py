"""The search for settings that reach a target, where users import it from; it is written in `fitting`."""

from onnx2snn.fitting.tuning import Tuning, tune

__all__ = ["Tuning", "tune"]
