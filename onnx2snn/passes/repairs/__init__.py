"""Passes that bring a file to plain ONNX: what exporters get wrong, fused and quantised operators, old opsets."""
