"""The runtime of onnx2snn: reads a spiking IR file and runs it over time steps; needs torch, onnx and numpy only."""
