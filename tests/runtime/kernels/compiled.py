"""Compiles the Triton kernels for CUDA, without a device: `python -m tests.runtime.kernels.compiled NAME ...`.

Triton brings its own assembler, so that what its interpreter lets through and a device would refuse (types, what is
known at compile time) is an error here. Nothing runs: `checking` compares results.
"""

import sys
from collections.abc import Mapping
from typing import Any
from unittest import mock

import torch

from onnx2snn_runtime.dynamics.base import State, make_dynamics
from onnx2snn_runtime.kernels import launch
from onnx2snn_runtime.kernels.base import KERNELS
from onnx2snn_runtime.kernels.layout import Chunk
from onnx2snn_runtime.schedules.exponential import Exponential
from tests.runtime.kernels.cases import CASES, DEVICE, HALF, inputs
from tests.runtime.kernels.checking import DYNAMICS

ARCHITECTURE = 90
"""Compute capability of an H100, times ten."""

OPTIONS = ("num_warps", "enable_fp_fusion")
POINTERS = {
    torch.float16: "*fp16",
    torch.bfloat16: "*bf16",
    torch.float32: "*fp32",
    torch.float64: "*fp64",
    torch.int32: "*i32",
}


class Compiler:
    """Stands in for the launch: compiles what would be launched, once for each signature."""

    def __init__(self) -> None:
        self.known: dict[Any, bytes] = {}

    def __call__(self, name: str, chunk: Chunk, slots: Mapping[str, Any]) -> None:
        import triton
        from triton.backends.compiler import GPUTarget
        from triton.compiler import ASTSource

        kernel = launch.source("scan").scan
        given = {**chunk.arguments, **slots, "STEP": launch.source(name).step}
        options = {key: given.pop(key) for key in OPTIONS}
        assert given.keys() == set(kernel.arg_names), given.keys() ^ set(kernel.arg_names)
        fixed = {p.name: given[p.name] for p in kernel.params if p.is_constexpr or given[p.name] is None}
        types = {p.name: _type(p, given[p.name], p.name in fixed) for p in kernel.params}
        key = (*types.items(), *((k, str(v)) for k, v in fixed.items()))
        if key not in self.known:
            places = {(kernel.arg_names.index(k),): v for k, v in fixed.items()}
            target = GPUTarget("cuda", ARCHITECTURE, 32)
            self.known[key] = triton.compile(ASTSource(kernel, types, places), target, options).asm["cubin"]


def _type(parameter: Any, value: Any, fixed: bool) -> str:
    if fixed:
        return "constexpr"
    return POINTERS[value.dtype] if isinstance(value, torch.Tensor) else str(parameter.annotation_type)


def compile_all(name: str) -> int:
    """Compile what the kernel `name` launches in every case, and return how many binaries that makes."""
    compiler = Compiler()
    with mock.patch.object(launch, "launch", compiler):
        for label, case in {**CASES, **HALF, **DEVICE}.items():
            for own, options in DYNAMICS[name.removesuffix("_triton")]:
                target, v, neuron = inputs(case)
                dynamics = make_dynamics(own, None if own == "subgradient" else Exponential(), options)
                narrow = (case.narrow,) if case.narrow else ()
                try:
                    KERNELS[name]().scan(
                        dynamics, target, State(v), case.steps, case.first, neuron, case.clamp, *narrow
                    )
                except Exception as error:
                    error.add_note(f"in the case {label!r}")
                    raise
    assert all(len(binary) > 1000 for binary in compiler.known.values())
    return len(compiler.known)


if __name__ == "__main__":
    for each in sys.argv[1:]:
        print(f"{each}: {compile_all(each)} binaries", flush=True)
