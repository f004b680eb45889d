"""The cases of the suite that are one node with a handler, as calls of that handler."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import Operator, find_operator
from tests.runtime.ops.backend import Backend, call
from tests.runtime.ops.conformance import excluded
from tests.runtime.ops.suite import cases
from tests.runtime.ops.values import to_torch


@dataclass(frozen=True)
class Call:
    """One call of a handler with the inputs of a case."""

    name: str
    operator: Operator
    inputs: list[Any]
    attributes: dict[str, Any]
    outputs: int

    def __call__(self, replaced: dict[int, Any] | None = None) -> tuple[Any, ...]:
        """Return the outputs, with some of the inputs replaced."""
        inputs = [(replaced or {}).get(i, x) for i, x in enumerate(self.inputs)]
        result = call(self.operator, inputs, self.attributes, self.outputs)
        result = result if isinstance(result, tuple) else (result,)
        return tuple(x for x in result[: self.outputs] if x is not None)

    def tensors(self) -> list[int]:
        """Return the positions of the inputs that arrive as tensors."""
        host = self.operator.ints | self.operator.scalars
        return [i for i, x in enumerate(self.inputs) if isinstance(x, torch.Tensor) and i not in host]


@functools.cache
def calls() -> tuple[Call, ...]:
    """Return the first data set of every case that is one node with a handler and ordinary inputs."""
    return tuple(_calls())


def _calls() -> Iterator[Call]:
    for case in cases("node"):
        model = case.model()
        if excluded(case) or len(model.graph.node) != 1:
            continue
        node, backend = model.graph.node[0], Backend(model)
        operator = find_operator(node.op_type, backend.opsets.get("", 1), node.domain)
        if operator is None:
            continue
        inputs, _ = next(case.data())
        try:
            given = dict(zip([i.name for i in model.graph.input], map(to_torch, inputs), strict=False))
        except UnsupportedError:
            continue
        attributes = {a.name: backend._attribute(a, {}) for a in node.attribute}
        arguments = [given.get(name) if name else None for name in node.input]
        yield Call(case.name, operator, arguments, attributes, len(node.output))
