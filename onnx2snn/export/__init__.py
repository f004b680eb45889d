"""Exporters: a spiking network as a file for other simulators, chips and runtimes; one file an exporter.

>>> export(snn, "model.nir", to="nir", target="norse")
"""

from onnx2snn.export.base import EXPORTERS, Exported, Request, export

__all__ = ["EXPORTERS", "Exported", "Request", "export"]
