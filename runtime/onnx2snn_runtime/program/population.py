"""A neuron node of the IR with its function bound to operator handlers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import onnx
import torch

from onnx2snn_runtime.errors import ModelError
from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.ir.schema import NeuronAttributes, read_neuron
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor, bind, call
from onnx2snn_runtime.program.precision import unrounded


class Clamped(NamedTuple):
    """A function in the form clip(g(x), *bounds): the calls that compute g, the name of its result, and the bounds."""

    body: tuple[Call, ...]
    result: str
    bounds: tuple[float, float]


@dataclass(frozen=True)
class Population:
    """A neuron node: the function it computes, the names of its inputs in the graph, and its attributes.

    `sources` are the spiking inputs, `constants` the others; `formal` are the names of both in the function's body.
    """

    name: str
    op_type: str
    output: str
    sources: tuple[str, ...]
    constants: tuple[str, ...]
    body: tuple[Call, ...] = field(repr=False)
    formal: tuple[str, ...] = field(repr=False)
    result: str = field(repr=False)
    attributes: NeuronAttributes = field(repr=False)

    def check_scale(self, shape: Sequence[int]) -> None:
        """Raise ModelError where the scale does not broadcast to outputs of `shape` without their batch axis."""
        own, sample = tuple(self.attributes.scale.shape), tuple(shape)[1:]
        extra = max(0, len(own) - len(sample))
        pairs = zip(reversed(own), reversed(sample), strict=False)
        if len(own) > len(shape) or any(n != 1 for n in own[:extra]) or any(n not in (1, size) for n, size in pairs):
            raise ModelError(
                f"the scale of the neuron {self.name!r} has the shape {own}, which does not fit its outputs "
                f"[batch, {', '.join(map(str, sample))}]: convert the model again"
            )

    @cached_property
    def reshapes(self) -> bool:
        """Whether the function has an operator that can give its result another shape than its source has."""
        return any(not facts(item.op_type, item.operator.domain).elementwise for item in self.body)

    def clamped(self, frame: Frame) -> "Clamped | None":
        """Return the function in the form clip(g(x)), so that a kernel can apply the clip; None if it has no such form.

        MaxPool(Relu(x)) is Relu(MaxPool(x)): a monotonic function can be exchanged with a maximum.
        """
        body, last = list(self.body), self.body[-1]
        if last.op_type == "MaxPool" and len(body) > 1 and body[-2].outputs[0] == last.inputs[0]:
            body[-2:] = [replace(last, inputs=body[-2].inputs[:1]), replace(body[-2], inputs=(last.outputs[0],))]
            last = replace(self.body[-2], inputs=(last.outputs[0], *self.body[-2].inputs[1:]))
        bounds = self._bounds(last, frame)
        return None if bounds is None else Clamped(tuple(body[:-1]), last.inputs[0], bounds)

    def _bounds(self, last: Call, frame: Frame) -> tuple[float, float] | None:
        if last.op_type == "Relu":
            return 0.0, math.inf
        if last.op_type != "Clip" or last.attributes:
            return None
        held = dict(zip(self.formal[len(self.sources) :], self.constants, strict=True))
        named = [held.get(name, "?") if name else None for name in (*last.inputs[1:], "", "")][:2]
        if "?" in named:  # a bound that the body computes
            return None
        low, high = (
            default if n is None else _number(frame, n) for n, default in zip(named, (-math.inf, math.inf), strict=True)
        )
        return None if low is None or high is None or low > high else (low, high)

    def host_constants(self, frame: Frame) -> dict[str, Any]:
        """Return the constants that have host copies in `frame`, by their names in the body."""
        formal = self.formal[len(self.sources) :]
        return {name: frame.host[held] for name, held in zip(formal, self.constants, strict=True) if held in frame.host}

    def target(
        self,
        sources: Sequence[Tensor],
        constants: Sequence[Tensor],
        dtype: torch.dtype,
        host: Mapping[str, Any] | None = None,
    ) -> Tensor:
        """Return f(x1, ..., xk), computed in `dtype`; `host` holds the host copies of constants of the body."""
        frame = Frame(dtype, sources[0].device, host=dict(host or {}))
        frame.values.update(zip(self.formal, (*sources, *constants), strict=True))
        for item in self.body:
            call(item, frame)
        return self.checked(frame.get(self.result))

    def checked(self, target: Tensor) -> Tensor:
        """Return `target`, what the function gave; what is no real number raises ModelError."""
        if not target.is_floating_point():
            raise ModelError(
                f"the function of the neuron {self.name!r} gives {str(target.dtype).removeprefix('torch.')} numbers, "
                "where neurons send real ones: convert the model again"
            )
        return target


def _number(frame: Frame, name: str) -> float | None:
    """Return the one number that the constant `name` holds, None if it holds none or several."""
    value = frame.host_value(name)
    while isinstance(value, list):
        if len(value) != 1:
            return None
        value = value[0]
    return float(value)


def bind_population(
    node: onnx.NodeProto, function: onnx.FunctionProto, opsets: Mapping[str, int], where: str
) -> Population:
    """Return the neuron `node`, its function bound to handlers; an operator without one raises UnsupportedError."""
    attributes = read_neuron(node)
    own = dict(opsets) | {o.domain: o.version for o in function.opset_import}
    return Population(
        name=node.name or node.output[0],
        op_type=node.op_type,
        output=node.output[0],
        sources=tuple(node.input[: attributes.sources]),
        constants=tuple(node.input[attributes.sources :]),
        body=tuple(
            unrounded(bind(inner, own, where=f"the function {function.name} of {where}")) for inner in function.node
        ),
        formal=tuple(function.input),
        result=function.output[0],
        attributes=attributes,
    )
