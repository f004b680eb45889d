"""Computes the functions of populations over a chunk with torch, or with torch.compile.

Compiled they are one fused kernel in place of one per operator. Each population and shape is compiled once, which takes
seconds; meant for long runs on a GPU. The compiler may reorder sums, so results agree up to rounding, not bit by bit.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.fx.experimental.proxy_tensor import make_fx

from onnx2snn_runtime.execution.over_time import map_call
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor, bind_outputs, compute, fetch
from onnx2snn_runtime.program.population import Population
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


def compute_body(
    program: Program,
    outer: Frame,
    item: Population,
    body: Sequence[Call],
    result: str,
    sources: Sequence[Tensor],
    varying: Sequence[bool],
) -> Tensor:
    """Return the value `result` that `body`, all or part of the function of `item`, computes of `sources` [n, ...].

    Those that are not `varying` stand still, [1, ...]; if none varies, the value is that of one step.
    """
    given = [x if flag else x[0] for x, flag in zip(sources, varying, strict=True)]
    constants = [outer.values[name] for name in item.constants]
    formal = dict(zip(item.formal, (*given, *constants), strict=True))
    if not body:  # in the type that it has: kernels read half precision
        return formal[result]
    host = item.host_constants(outer)

    def function(*values: Tensor) -> Tensor:
        frame = Frame(program.wide, program.device, dict(zip(formal, values, strict=True)), dict(host))
        over_time = {name for name, flag in zip(item.formal, varying, strict=False) if flag}
        for inner in body:
            flags = [name in over_time for name in inner.inputs]
            arguments = [fetch(inner, frame, i) for i in range(len(inner.inputs))]
            if any(flags):
                over_time.update(inner.outputs)
            mapped = map_call(inner, arguments, flags) if any(flags) else compute(inner, arguments)
            bind_outputs(inner, frame, mapped)
        answer: Tensor = frame.get(result)
        return answer

    return compute_region(program, f"{item.output}.{result}", function, list(formal.values()))
