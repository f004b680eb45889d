"""Region bodies through torch.compile: what a neuron computes, in one fused kernel in place of one an operator.

Compiled once for every population and shape, which takes seconds each; for long runs on a GPU. The compiler may round
sums in another order, so results agree to the last bits but one, not to the bit.
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
    """Return function(*values), compiled where `program` says so; `name` tells the functions of a program apart."""
    if not program.compile_regions:
        return function(*values)
    known = _COMPILED.setdefault(program, {})
    dense = [value.contiguous() for value in values]
    key = (program.version, name, *((value.shape, value.dtype, value.device) for value in dense))
    if key not in known:
        # a traced graph has code of its own: functions that share theirs run into the compiler's recompilation limit
        known[key] = torch.compile(make_fx(function)(*dense), backend=BACKEND, dynamic=False)
    result: Tensor = known[key](*dense)
    return result
