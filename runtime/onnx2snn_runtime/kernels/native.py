"""Kernels for the CPU, in C: compiled once a machine by its own compiler, kept in a cache, and called through ctypes.

Where there is no compiler the runtime computes the same with torch. The cache is `ONNX2SNN_CACHE`, by default
`~/.cache/onnx2snn`; the variable `ONNX2SNN_NATIVE=0` switches the kernels off.
"""

import ctypes
import functools
import hashlib
import itertools
import math
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch

from onnx2snn_runtime.dynamics.base import Tensor
from onnx2snn_runtime.kernels.base import Clamp, Scanned

FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-ffp-contract=off", "-shared", "-fPIC")
REAL = {torch.float32: ctypes.c_float, torch.float64: ctypes.c_double}
"""The types that C kernels know."""

GRAIN = 1 << 17
"""So many element-steps are worth a thread of their own."""


@dataclass(frozen=True)
class Library:
    """A compiled kernel file; `seconds` is what compiling it took just now, 0 where it was in the cache."""

    handle: ctypes.CDLL
    seconds: float


@functools.cache
def library(name: str) -> Library | None:
    """Return the compiled kernel file `name`.c, None where there is no compiler, or it fails, or it is switched off."""
    compiler = next((found for found in map(shutil.which, (os.environ.get("CC", "cc"), "gcc", "clang")) if found), None)
    if compiler is None or os.environ.get("ONNX2SNN_NATIVE", "1") == "0":
        return None
    source = resources.files("onnx2snn_runtime.kernels").joinpath(f"{name}.c").read_text()
    start = time.perf_counter()
    path = _folder() / f"{name}-{_digest(source, compiler)}.so"
    fresh = not path.exists()
    if fresh and not _compile(source, compiler, path):
        return None
    try:
        return Library(ctypes.CDLL(str(path)), time.perf_counter() - start if fresh else 0.0)
    except OSError:  # made for another machine that shares the cache
        return None


def unavailable(name: str) -> str | None:
    """Return why the kernel file `name`.c cannot be called, None where it can."""
    if os.environ.get("ONNX2SNN_NATIVE", "1") == "0":
        return "ONNX2SNN_NATIVE=0 switches it off"
    return None if library(name) else "there is no C compiler that works: cc, gcc or clang"


def _compile(source: str, compiler: str, path: Path) -> bool:
    """Compile `source` to `path`, whole or not at all."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder, "kernel.so")
        Path(folder, "kernel.c").write_text(source)
        command = [compiler, *FLAGS, "-o", str(made), str(Path(folder, "kernel.c")), "-lm"]
        try:
            done = subprocess.run(command, capture_output=True, timeout=120, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
        if done.returncode == 0:
            made.replace(path)
        return done.returncode == 0


def _digest(source: str, compiler: str) -> str:
    """Name what a kernel is compiled from, by and for: -march=native ties it to the processor."""
    processor = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        processor += "".join(line for line in lines if line.startswith(("flags", "Features", "model name")))[:20000]
    text = "\n".join((source, compiler, *FLAGS, platform.machine(), processor))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@functools.cache
def _folder() -> Path:
    wanted = Path(os.environ.get("ONNX2SNN_CACHE") or Path.home() / ".cache" / "onnx2snn")
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=wanted):
            return wanted
    except OSError:
        return Path(tempfile.mkdtemp(prefix="onnx2snn-"))


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="onnx2snn")


def fits(name: str, target: Tensor) -> bool:
    """Return whether the kernel file `name` can scan towards `target` here."""
    return target.device.type == "cpu" and target.dtype in REAL and library(name) is not None


def scan(
    name: str, target: Tensor, v: Tensor, steps: int, scale: Tensor | float, own: Sequence[Any], clamp: Clamp | None
) -> Scanned:
    """Call NAME_TYPE of the kernel file `name` for all of `v`, in as many threads as it is worth.

    `own` is what the kernel takes between the scale and the bounds: ctypes numbers, or tensors, which go by address.
    """
    native = library(name)
    if native is None:
        raise TypeError("a kernel scans towards targets that it fits")
    real, kernel = REAL[target.dtype], getattr(native.handle, f"{name}_{str(target.dtype)[6:]}")
    target, state = target.contiguous(), v.clone(memory_format=torch.contiguous_format)
    out, size = torch.empty((steps, *v.shape), dtype=v.dtype), v.numel()
    scales = spread(scale, v)
    period = scales.numel() if isinstance(scale, Tensor) else 1
    bounds = [real(bound) for bound in clamp or (-math.inf, math.inf)]
    parts = shares(size, steps)
    counts = torch.zeros(len(parts), steps, dtype=torch.int64)
    given = [_at(value) if isinstance(value, Tensor) else value for value in own]

    def run(index: int) -> None:
        begin, end = parts[index]
        whole = [ctypes.c_int64(n) for n in (steps, size, begin, end)]
        stride = ctypes.c_int64(size if len(target) > 1 else 0)
        arrays = (_at(state), _at(out), _at(counts[index]))
        kernel(_at(target), stride, *arrays, *whole, _at(scales), ctypes.c_int64(period), *given, *bounds)

    others = [_pool(len(parts) - 1).submit(run, index) for index in range(len(parts) - 1)]
    run(len(parts) - 1)  # the last in this thread
    for other in others:
        other.result()
    return Scanned(out, counts.sum(0), state)


def _at(tensor: Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())


def shares(size: int, steps: int) -> list[tuple[int, int]]:
    """Return the [begin, end) that each thread takes of `size` elements over `steps` steps."""
    count = max(1, min(torch.get_num_threads(), size * steps // GRAIN))
    edges = [size * i // count for i in range(count + 1)]
    return list(itertools.pairwise(edges))


def spread(scale: Tensor | float, v: Tensor) -> Tensor:
    """Return the scale of each neuron of `v` [batch, ...]; axes of 1 before those of a neuron mean nothing."""
    shape = v.shape[1:] if v.ndim else v.shape
    value = torch.as_tensor(scale, dtype=v.dtype)
    return value.reshape(value.shape[max(0, value.ndim - len(shape)) :]).expand(shape).contiguous()
