"""What of ONNX's backend suite is not run, and why: one row a reason."""

EXCLUSIONS: dict[str, str] = {}
