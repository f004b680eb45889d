"""The search for settings that reach a target, where users import it from; it is written in `fitting`."""

from onnx2snn.fitting.tuning import Tuning, tune
from onnx2snn.settings.search import SearchSettings

__all__ = ["SearchSettings", "Tuning", "tune"]
