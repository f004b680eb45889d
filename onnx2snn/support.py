"""Which operators the runtime has a handler for; beside the passes, because they import no torch."""


def is_supported(domain: str, op_type: str, opset: int) -> bool:
    """Return whether the runtime computes `op_type` of `domain` at `opset`."""
    from onnx2snn_runtime.ops import find_operator

    return find_operator(op_type, opset, domain) is not None
