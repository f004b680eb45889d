"""Kernel files in C: compiled once a machine by its own compiler, kept in a cache, and loaded through ctypes.

Where there is no compiler the runtime computes the same with torch. The cache is `ONNX2SNN_CACHE`, by default
`~/.cache/onnx2snn`; the variable `ONNX2SNN_NATIVE=0` switches the kernels off. Kernels run in torch's own threads: they
are compiled for OpenMP and leave its library open, so that the one torch has loaded is found.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-ffp-contract=off", "-fPIC")
THREADED = "-fopenmp"
HEADER = "scan.h"


@dataclass(frozen=True)
class Library:
    """A compiled kernel file; `seconds` is what compiling it took just now, 0 where it was in the cache."""

    handle: ctypes.CDLL
    seconds: float
    threaded: bool


@functools.cache
def library(name: str) -> Library | None:
    """Return the compiled kernel file `name`.c, None where there is no compiler, or it fails, or it is switched off."""
    compiler = next((found for found in map(shutil.which, (os.environ.get("CC", "cc"), "gcc", "clang")) if found), None)
    if compiler is None or os.environ.get("ONNX2SNN_NATIVE", "1") == "0":
        return None
    start = time.perf_counter()
    for flags in ((*FLAGS, THREADED), FLAGS):
        path, fresh = _built(name, compiler, flags)
        handle = _load(path, THREADED in flags) if path else None
        if handle is not None:
            return Library(handle, time.perf_counter() - start if fresh else 0.0, THREADED in flags)
    return None


def unavailable(name: str) -> str | None:
    """Return why the kernel file `name`.c cannot be called, None where it can."""
    if os.environ.get("ONNX2SNN_NATIVE", "1") == "0":
        return "ONNX2SNN_NATIVE=0 switches it off"
    return None if library(name) else "there is no C compiler that works: cc, gcc or clang"


def _load(path: Path, threaded: bool) -> ctypes.CDLL | None:
    """Load a compiled file; where it misses OpenMP, offer it the library that torch has loaded, or the system's."""
    for offered in (None, *_openmp()) if threaded else (None,):
        try:
            if offered:
                ctypes.CDLL(offered, ctypes.RTLD_GLOBAL)
            return ctypes.CDLL(str(path))
        except OSError:  # or the file was made for another machine that shares the cache
            continue
    return None


def _openmp() -> list[str]:
    """Return the OpenMP libraries that this process has loaded, then the system's."""
    maps = Path("/proc/self/maps")
    lines = maps.read_text().splitlines() if maps.exists() else []
    loaded = {line.split()[-1] for line in lines if "/libgomp" in line or "/libomp" in line or "/libiomp" in line}
    return [*sorted(loaded), "libgomp.so.1"]


def _built(name: str, compiler: str, flags: tuple[str, ...]) -> tuple[Path | None, bool]:
    """Return the compiled file of `name`, None where that fails, and whether it was compiled just now."""
    folder = resources.files("onnx2snn_runtime.kernels")
    sources = {file: folder.joinpath(file).read_text() for file in (f"{name}.c", HEADER)}
    path = _folder() / f"{name}-{_digest(sources, compiler, flags)}.so"
    if path.exists():
        return path, False
    return (path if _compile(f"{name}.c", sources, [compiler, *flags], path) else None), True


def _compile(main: str, sources: dict[str, str], command: list[str], path: Path) -> bool:
    """Compile the file `main` among `sources` to `path`, whole or not at all; OpenMP is not linked to."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        for file, text in sources.items():
            Path(folder, file).write_text(text)
        made, linking = Path(folder, "kernel.so"), [part for part in command if part != THREADED]
        try:
            for step in (
                [*command, "-c", "-o", str(Path(folder, "kernel.o")), str(Path(folder, main))],
                [*linking, "-shared", "-o", str(made), str(Path(folder, "kernel.o")), "-lm"],
            ):
                if subprocess.run(step, capture_output=True, timeout=120, check=False).returncode:
                    return False
        except (OSError, subprocess.TimeoutExpired):
            return False
        made.replace(path)
        return True


def _digest(sources: dict[str, str], compiler: str, flags: tuple[str, ...]) -> str:
    """Name what a kernel is compiled from, by and for: -march=native ties it to the processor."""
    processor = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        processor += "".join(line for line in lines if line.startswith(("flags", "Features", "model name")))[:20000]
    text = "\n".join((*sources.values(), compiler, *flags, platform.machine(), processor))
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
