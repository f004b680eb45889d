"""The Triton kernels compile for a Hopper GPU, with exact arithmetic and wide accesses; no device is needed."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("triton", reason="triton is not installed")

TYPES = [("fp16", "fp32", "fp16"), ("bf16", "fp32", "fp32"), ("fp32", "fp32", "fp32"), ("fp64", "fp64", "fp64")]
STATES = ("state0", "state1", "state2")
WHOLE = ("target", "v", "out", "last", "counts", "scale", *STATES, "size", "stride")
FLAGS = {"CONSTANT": False, "CLAMP": True, "LARGE": False, "BLOCK": 1024}
KERNELS = {"differential": 0, "signgd": 0, "ternary": 0, "subgradient": 1, "integrate_and_fire": 3}
"""The numbers of states of the kernels besides the estimate."""


def ptx(name: str, given: str, wide: str, out: str, states: int, scalar: bool) -> str:
    """Return the PTX of the kernel `name` for compute capability 9.0, with so many of its states."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from onnx2snn_runtime.kernels.gpu.scan import scan as function

    step = importlib.import_module(f"onnx2snn_runtime.kernels.gpu.{name}").step
    constants: dict[str, Any] = {**FLAGS, "SCALAR": scalar, "STEP": step, **dict.fromkeys(STATES[states:])}
    kinds = {"target": given, "out": out, "counts": "i32"}
    signature = {}
    for p in function.params:
        pointer = "*" + kinds.get(p.name, wide)
        signature[p.name] = "constexpr" if p.name in constants else p.annotation_type or pointer
    place = function.arg_names.index
    fixed = {(place(key),): value for key, value in constants.items() if key in signature}
    whole = [key for key in WHOLE if key in signature and key not in constants]
    aligned = {(place(key),): [["tt.divisibility", 16]] for key in whole}
    made = triton.compile(
        ASTSource(function, signature, fixed, aligned),
        target=GPUTarget("cuda", 90, 32),
        options={"num_warps": 4, "enable_fp_fusion": False},
    )
    return str(made.asm["ptx"])


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize(("given", "wide", "out"), TYPES)
@pytest.mark.parametrize("scalar", [True, False])
def test_compiles(
    name: str, given: str, wide: str, out: str, scalar: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    code = ptx(name, given, wide, out, KERNELS[name], scalar)
    assert ".target sm_90" in code
    assert not re.findall(r"\bfma|\.ftz|\.approx|div\.full", code)
    assert ("div.rn" in code) == (name in ("differential", "integrate_and_fire"))
    widest = "v2.b64" if wide == "fp64" else "v4.b32"
    assert re.search(rf"ld\.global\.{widest}", code)
    assert re.search(rf"st\.global\.{widest}", code)


def test_a_state_that_is_not_there_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    codes = [ptx("subgradient", "fp32", "fp32", "fp32", states, True) for states in (1, 0)]
    reads, writes = ([len(re.findall(rf"{word}\.global", code)) for code in codes] for word in ("ld", "st"))
    assert reads[0] > reads[1] > 0
    assert writes[0] > writes[1] > 0
