"""Compiles the functions of populations with torch.compile: one fused kernel in place of one per operator.

Each population and shape is compiled once, which takes seconds; meant for long runs on a GPU. The compiler may reorder
sums, so results agree up to rounding, not bit by bit.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.fx.experimental.proxy_tensor import make_fx

from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.program import Program

BACKEND = "inductor"

Function = Callable[..., Tensor]

_COMPILED: "WeakKeyDictionary[Program, dict[Hashable, Any]]" = WeakKeyDictionary()


def compute_region(program: Program, name: str, function: Function, values: Sequence[Tensor]) -> Tensor:
    """Return function(*values), compiled if `program.compile_regions`; `name` identifies the function in the cache."""
    if not program.compile_regions:
        return function(*values)
    known = _COMPILED.setdefault(program, {})
    dense = [value.contiguous() for value in values]
    key = (program.version, name, *((value.shape, value.dtype, value.device) for value in dense))
    if key not in known:
        # trace first: functions that share one code object would hit the compiler's recompilation limit
        known[key] = torch.compile(make_fx(function)(*dense), backend=BACKEND, dynamic=False)
    result: Tensor = known[key](*dense)
    return result
