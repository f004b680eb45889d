"""The input is a constant current: every synapse behind it sees its exact value at every step."""

from onnx2snn_runtime.encoders.base import ENCODERS


@ENCODERS.register("direct")
class Direct:
    """x(t) = x; nothing is encoded."""
