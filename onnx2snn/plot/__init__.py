"""Figures for papers, by matplotlib (the extra "plots"); each function returns one, and `save` writes it.

>>> found = evaluate(snn, samples, [1, 2, 4, 8])
>>> plot.save(plot.accuracy(found), "accuracy.pdf")
>>> run = snn.run(x, 8, probes=["spikes", "values"])
>>> plot.save(plot.raster(run, "relu1"), "raster.svg")
"""

from onnx2snn.plot.canvas import save
from onnx2snn.plot.curves import accuracy, energy, overview
from onnx2snn.plot.frontier import frontier, stream_frontier
from onnx2snn.plot.neurons import raster, traces
from onnx2snn.plot.timing import timing

__all__ = ["accuracy", "energy", "frontier", "overview", "raster", "save", "stream_frontier", "timing", "traces"]
