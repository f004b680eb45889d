"""The kernels in C under the sanitizers: python -m tests.runtime.kernels.sanitized [overflow | a file of the suite]

Compiled with -fsanitize=address,undefined into a cache of their own, they go through their whole test suite: any
finding ends the process. The library of the sanitizer has to be loaded first (LD_PRELOAD): see `environment`. With
`overflow` a kernel is told of more neurons than it has targets: the control, which must end the process.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from onnx2snn_runtime.dynamics.base import Neuron, State
from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.kernels import compiling, native
from onnx2snn_runtime.kernels.base import KERNELS

FLAGS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g")
HERE = Path(__file__).parent
SUITE = (
    "test_functions.py",
    "test_kernels.py",
    "test_memory.py",
    "test_tallied.py",
    "../probing/test_digits.py",
    "../probing/test_products.py",
)


def environment(cache: Path) -> dict[str, str] | None:
    """Return the environment of a sanitized process, None where the compiler has no such library."""
    found = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=False)
    library = found.stdout.strip()
    if found.returncode or not Path(library).is_absolute():
        return None
    return {
        **os.environ,
        "LD_PRELOAD": library,
        "ASAN_OPTIONS": "detect_leaks=0:halt_on_error=1",  # Python and torch keep what they have until they end
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        "OMP_NUM_THREADS": "2",
        "CC": "gcc",
        "ONNX2SNN_CACHE": str(cache),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }


def overflow() -> None:
    """Let a kernel read more targets than there are."""
    kernel, short, state = KERNELS["differential"](), torch.zeros(1, 2000), State(torch.zeros(5000))
    native.check_chunk = lambda *_: None  # type: ignore[assignment]
    native.address = lambda tensor, *_: tensor.data_ptr()  # type: ignore[assignment]
    kernel.scan(Differential(), short, state, 2, 1, Neuron(1.0), None)


def main(what: str = "") -> int:
    """Run the suite, or the control; return the exit code."""
    compiling.FLAGS = (*compiling.FLAGS, *FLAGS)  # type: ignore[assignment]
    for name in (
        "differential",
        "integrate_and_fire",
        "signgd",
        "subgradient",
        "ternary",
        "tally",
        "pairs",
        "functions",
    ):
        if compiling.library(name) is None:
            print(f"{name} cannot be compiled with {' '.join(FLAGS)}")
            return 3
    if what == "overflow":
        overflow()
        return 0
    files = [str((HERE / file).resolve()) for file in (SUITE if not what else (what,))]
    return int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", "-k", "not interpreted", *files]))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
