"""The reference: the plain network, run by onnxruntime."""
