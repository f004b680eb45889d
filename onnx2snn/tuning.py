"""The search for settings that reach a target, where users import it from; it is written in `fitting`."""

from onnx2snn.fitting.sequences.trials import StreamPoint
from onnx2snn.fitting.sequences.tuning import StreamTuning, tune_stream
from onnx2snn.fitting.tuning import Tuning, tune
from onnx2snn.settings.search import SearchSettings
from onnx2snn.settings.sequences import SequenceSettings

__all__ = ["SearchSettings", "SequenceSettings", "StreamPoint", "StreamTuning", "Tuning", "tune", "tune_stream"]
