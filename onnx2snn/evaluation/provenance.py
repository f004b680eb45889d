"""What made a figure: a digest of the network, and the versions of what computed it."""

import hashlib
import importlib.metadata
import platform
from pathlib import Path

from onnx2snn.version import VERSION
from onnx2snn_runtime.model import SpikingModel

PACKAGES = ("torch", "onnx", "onnxruntime", "onnxruntime-gpu", "numpy")


def network_digest(snn: SpikingModel) -> str:
    """Return a digest of the spiking network as it is now: graph, weights and settings."""
    graph, found = snn.proto.graph, hashlib.sha256()
    for part in (*graph.initializer, *graph.node, *graph.input, *snn.proto.functions, *snn.proto.metadata_props):
        found.update(part.SerializeToString(deterministic=True))  # one by one: together they may be more than 2 GB
    return found.hexdigest()[:16]


def file_digest(path: Path) -> str:
    """Return a digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def versions() -> dict[str, str]:
    """Return the versions of Python, of onnx2snn and of the packages that compute."""
    found = {"onnx2snn": VERSION, "python": platform.python_version(), "machine": platform.machine()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
