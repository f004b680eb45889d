"""The runner of commands."""

from tests.onnx2snn.cli.conftest import invoke, refused

__all__ = ["invoke", "refused"]
