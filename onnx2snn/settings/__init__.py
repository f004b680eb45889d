"""The settings of a conversion, and of a search: typed, frozen, checked where they are made, shared by API and CLI.

A new setting of a conversion is a field of one of these classes with its check, a keyword in `keywords.Keywords`, and
an option in `cli.settings`; tests hold the three together. Files (TOML, the record in the IR) know it by themselves.
"""

from onnx2snn.settings.adaptation import AdaptationSettings
from onnx2snn.settings.conversion import ConversionSettings
from onnx2snn.settings.keywords import Keywords, collect
from onnx2snn.settings.network import NetworkSettings
from onnx2snn.settings.ranges import RangeSettings
from onnx2snn.settings.search import SearchSettings
from onnx2snn.settings.spikes import SpikeSettings

__all__ = [
    "AdaptationSettings",
    "ConversionSettings",
    "Keywords",
    "NetworkSettings",
    "RangeSettings",
    "SearchSettings",
    "SpikeSettings",
    "collect",
]
