"""The settings of a conversion: typed, frozen, checked where they are made, and the same for API, CLI and files.

A new setting is a field of one of these classes, its keyword in `keywords.Keywords`, and its option in `cli.convert`.
"""

from onnx2snn.settings.adaptation import AdaptationSettings
from onnx2snn.settings.conversion import ConversionSettings
from onnx2snn.settings.keywords import Keywords, collect
from onnx2snn.settings.network import NetworkSettings
from onnx2snn.settings.ranges import RangeSettings
from onnx2snn.settings.spikes import SpikeSettings

__all__ = [
    "AdaptationSettings",
    "ConversionSettings",
    "Keywords",
    "NetworkSettings",
    "RangeSettings",
    "SpikeSettings",
    "collect",
]
