"""Compiles kernels in C with the machine's own compiler, once a machine; they are cached and loaded through ctypes.

Where there is no compiler the runtime computes the same with torch. For the cache see `cache`; the variable
`ONNX2SNN_NATIVE=0` switches the kernels off. Kernels run in torch's own threads: they are compiled for OpenMP and leave
its library open, so that the one torch has loaded is found.
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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from onnx2snn_runtime.kernels import cache

FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fopenmp-simd", "-fPIC")
"""The results are those of IEEE arithmetic; the compiler may assume that it raises no signals, and can vectorise."""

THREADED = "-fopenmp"
MAIN = "scan.c"
SHARED = (MAIN, "scan.h", "parameters.h", "digits.h")
"""The sources that all kernels of dynamics share; the file of a kernel holds the arithmetic of its dynamics."""

ALONE = {"pairs": (), "tally": ("digits.h", "tally_changes.h"), "functions": ("functions.h",)}
"""Files that are kernels by themselves, with what they include."""


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
    return _library(name, compiler, (*FLAGS, THREADED)) or _library(name, compiler, FLAGS)


def _library(name: str, compiler: str, flags: tuple[str, ...]) -> Library | None:
    """Return the kernel file `name`.c as compiled with `flags`: from the cache, or now."""
    threaded, start = THREADED in flags, time.perf_counter()
    folder = resources.files("onnx2snn_runtime.kernels")
    own = f"{name}.c"
    sources = {file: folder.joinpath(file).read_text() for file in (own, *ALONE.get(name, SHARED))}
    stem = f"{name}-{_digest(sources, compiler, flags)}"
    kept = cache.find(stem)
    if kept:
        handle = _load(kept, threaded)
        return Library(handle, 0.0, threaded) if handle else None
    main = own if name in ALONE else MAIN
    with _compiled(sources, [compiler, f'-DKERNEL="{own}"', *flags], main) as made:
        handle = _load(cache.keep(stem, made.read_bytes()) or made, threaded) if made else None
    return Library(handle, time.perf_counter() - start, threaded) if handle else None


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


@contextmanager
def _compiled(sources: dict[str, str], command: list[str], main: str) -> Iterator[Path | None]:
    """Compile the file `main` among `sources` and yield the library, None if that fails; it is deleted afterwards.

    It is made in a new private temporary folder. OpenMP is not linked.
    """
    with ExitStack() as stack:
        made: Path | None = None
        try:
            temporary = tempfile.TemporaryDirectory(prefix="onnx2snn-", ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(temporary))
            for file, text in sources.items():
                (folder / file).write_text(text)
            made = _run_compiler(folder, command, main)
        except OSError:  # a full disk, or no folder for temporary files at all
            made = None
        yield made


def _run_compiler(folder: Path, command: list[str], main: str) -> Path | None:
    """Compile the file `main` in `folder` and return the library, None if the compiler fails."""
    made, linking = folder / "kernel.so", [part for part in command if part != THREADED]
    for step in (
        [*command, "-c", "-o", str(folder / "kernel.o"), str(folder / main)],
        [*linking, "-shared", "-o", str(made), str(folder / "kernel.o"), "-lm"],
    ):
        try:
            if subprocess.run(step, capture_output=True, timeout=120, check=False).returncode:
                return None
        except subprocess.TimeoutExpired:
            return None
    return made


def _digest(sources: dict[str, str], compiler: str, flags: tuple[str, ...]) -> str:
    """Name what a kernel is compiled from, by and for: -march=native ties it to the processor."""
    processor = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        processor += "".join(line for line in lines if line.startswith(("flags", "Features", "model name")))[:20000]
    text = "\n".join((*sources.values(), compiler, *flags, platform.machine(), processor))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
