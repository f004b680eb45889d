"""The one place where onnxruntime sessions are opened: on graphs that it has survived in another process."""

import os
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import onnx

from onnx2snn.reference import engine
from onnx2snn.reference.guarded import level_of
from onnx2snn.reference.sandbox import LEVELS
from onnx2snn_runtime.errors import ModelError
from onnx2snn_runtime.ir.large import is_large, save_large

_SILENT = 4
_OPTIMIZATIONS = {"all": "ORT_ENABLE_ALL", "basic": "ORT_ENABLE_BASIC", "none": "ORT_DISABLE_ALL"}

_open: WeakValueDictionary[tuple[bytes, str, str, int], Any] = WeakValueDictionary()
"""The sessions that somebody holds, by their model, level, device and threads."""


def open_session(
    proto: onnx.ModelProto, device: str = "cpu", *, threads: int | None = None, plain: bool = False
) -> Any:
    """Return a session over `proto`, as `plain` as it stands or optimized as far as onnxruntime survives it.

    `device` is "cpu" or "cuda[:n]"; `threads` by default the environment's OMP_NUM_THREADS, or as many as onnxruntime
    likes. What somebody has open already is not opened again. Raises one of `engine.errors` where onnxruntime refuses
    the graph, ModelError where it dies of it.
    """
    options = engine.SessionOptions()
    options.log_severity_level = _SILENT
    options.add_session_config_entry("session.disable_quant_qdq", "1")  # else integers round where the model does not
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # else its threads slow what runs next
    options.intra_op_num_threads = _threads() if threads is None else threads
    level = level_of(proto, ("none",) if plain else LEVELS)
    options.graph_optimization_level = getattr(engine.GraphOptimizationLevel, _OPTIMIZATIONS[level])
    providers = _providers(device)
    if is_large(proto):
        return _open_large(proto, options, providers)
    raw = proto.SerializeToString()
    key = sha256(raw).digest(), level, device, options.intra_op_num_threads
    session = _open.get(key)
    if session is None:
        session = _open[key] = engine.InferenceSession(raw, options, providers, enable_fallback=False)
    return session


def _open_large(proto: onnx.ModelProto, options: Any, providers: list[Any]) -> Any:
    """Open `proto` through a temporary file."""
    with tempfile.TemporaryDirectory(prefix="onnx2snn-", ignore_cleanup_errors=True) as folder:
        file = Path(folder, "model.onnx")
        try:
            save_large(proto, file)
            return engine.InferenceSession(str(file), options, providers, enable_fallback=False)
        except OSError as error:
            raise ModelError(f"the model does not fit into a temporary file: {error.strerror or error}") from error


def _providers(device: str) -> list[Any]:
    name, _, index = device.partition(":")
    if name != "cuda" or "CUDAExecutionProvider" not in engine.get_available_providers():
        return ["CPUExecutionProvider"]
    engine.set_default_logger_severity(_SILENT)  # it complains there where no GPU is
    return [("CUDAExecutionProvider", {"device_id": index or "0", "use_tf32": "0"}), "CPUExecutionProvider"]


def _threads() -> int:
    text = os.environ.get("OMP_NUM_THREADS", "")
    return int(text) if text.isdigit() else 0
