"""The rewrites that turn an ANN into a spiking IR graph, one a file; `onnx2snn.conversion` holds their order."""
