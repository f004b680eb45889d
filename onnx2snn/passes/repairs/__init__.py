"""Passes that turn a file into plain ONNX: they fix exporter errors, fused and quantised operators and old opsets."""
