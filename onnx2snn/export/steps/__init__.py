"""One time step as a plain ONNX graph: the update laws of the dynamics as functions, and what puts them together."""
