"""The converter of onnx2snn, its command line and its Python API."""
