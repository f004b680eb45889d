"""Evaluates a model with the operator handlers alone, node by node: what ONNX's own suite is run against."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import onnx
import torch
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto
from onnx.inliner import inline_local_functions, inline_selected_functions

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import Operator, find_operator
from tests.runtime.ops.values import decode, to_numpy, to_torch


class Backend:
    """A model that is ready to run: functions without a handler are inlined, opsets are known."""

    def __init__(self, model: ModelProto) -> None:
        if model.functions:
            model = inline_local_functions(model)
        self.model = self._expanded(model)
        imports = self.model.opset_import
        self.opsets = {"" if o.domain == "ai.onnx" else o.domain: o.version for o in imports}

    def _expanded(self, model: ModelProto) -> ModelProto:
        for _ in range(4):
            opsets = {o.domain: o.version for o in model.opset_import}
            missing = {
                (n.domain, n.op_type)
                for n in all_nodes(model.graph)
                if not find_operator(n.op_type, opsets.get(n.domain, 1), n.domain) and _is_function(n, opsets)
            }
            if not missing:
                break
            model = inline_selected_functions(model, sorted(missing), inline_schema_functions=True)
        return model

    def run(self, inputs: Sequence[Any]) -> list[Any]:
        """Return the outputs of the model as arrays, given its inputs as arrays in the order of the graph."""
        graph = self.model.graph
        initial = {i.name for i in graph.initializer}
        names = [i.name for i in graph.input if i.name not in initial or len(inputs) == len(graph.input)]
        values = dict(zip(names, map(to_torch, inputs), strict=False))
        with torch.no_grad():
            return [to_numpy(v) for v in self._graph(graph, values, {})]

    def _graph(self, graph: GraphProto, values: dict[str, Any], outer: dict[str, Any]) -> list[Any]:
        scope = outer | {t.name: to_torch(onnx.numpy_helper.to_array(t)) for t in graph.initializer} | values
        for node in graph.node:
            self._node(node, scope)
        return [scope[o.name] for o in graph.output]

    def _node(self, node: NodeProto, scope: dict[str, Any]) -> None:
        domain = "" if node.domain == "ai.onnx" else node.domain
        entry = find_operator(node.op_type, self.opsets.get(domain, 1), domain)
        if entry is None:
            raise UnsupportedError(f"{node.domain or 'ai.onnx'}::{node.op_type} has no handler")
        inputs = [scope[name] if name else None for name in node.input]
        result = call(entry, inputs, {a.name: self._attribute(a, scope) for a in node.attribute}, len(node.output))
        results = result if isinstance(result, tuple) else (result,)
        scope.update({name: value for name, value in zip(node.output, results, strict=False) if name})

    def _attribute(self, attribute: AttributeProto, scope: dict[str, Any]) -> Any:
        if attribute.type == AttributeProto.GRAPH:
            return self._callable(attribute.g, scope)
        return decode(attribute)

    def _callable(self, graph: GraphProto, scope: dict[str, Any]) -> Callable[..., tuple[Any, ...]]:
        def body(*inputs: Any) -> tuple[Any, ...]:
            values = {i.name: v for i, v in zip(graph.input, inputs, strict=False)}
            return tuple(self._graph(graph, values, scope))

        return body


def call(entry: Operator, inputs: Sequence[Any], attributes: dict[str, Any], outputs: int) -> Any:
    """Call a handler the way its signature asks for: lists for Ints, numbers for Scalar."""
    arguments = [
        x if x is None
        else x.reshape(-1).tolist() if i in entry.ints
        else x.reshape(()).item() if i in entry.scalars
        else x
        for i, x in enumerate(inputs)
    ]  # fmt: skip
    return entry.function(*arguments, **attributes, **({"outputs": outputs} if entry.wants_outputs else {}))


def all_nodes(graph: GraphProto) -> Iterable[NodeProto]:
    """Yield the nodes of a graph and of the graphs inside it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                yield from all_nodes(attribute.g)


def _is_function(node: NodeProto, opsets: dict[str, int]) -> bool:
    try:
        schema = onnx.defs.get_schema(node.op_type, opsets.get(node.domain, 1), node.domain)
    except onnx.defs.SchemaError:
        return False
    return bool(schema.has_function or schema.has_context_dependent_function)


def element_types(model: ModelProto) -> set[str]:
    """Return the names of the element types of a model's inputs, outputs and constants: FLOAT, STRING, SEQUENCE, ..."""
    kinds = set()
    for value in (*model.graph.input, *model.graph.output):
        kind = value.type.WhichOneof("value")
        if kind in ("tensor_type", "sparse_tensor_type"):
            kinds.add(TensorProto.DataType.Name(getattr(value.type, kind).elem_type))
        else:
            kinds.add(str(kind).removesuffix("_type").upper())
    for node in all_nodes(model.graph):
        for a in node.attribute:
            if a.type == AttributeProto.TENSOR:
                kinds.add(TensorProto.DataType.Name(a.t.data_type))
            if a.name in ("to", "dtype", "output_dtype") and a.i in TensorProto.DataType.values():
                kinds.add(TensorProto.DataType.Name(a.i))
    return kinds
