"""The plain network, run by onnxruntime: what everything is compared with."""
