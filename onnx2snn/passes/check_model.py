"""Checks that a model can be converted, before it is rewritten; all unsupported nodes are reported at once.

If, Loop, Scan, sequences, strings, tree ensembles, operators without a handler  ->  UnsupportedError
"""

from collections.abc import Iterator
from dataclasses import replace

import onnx

from onnx2snn.passes.base import Work
from onnx2snn.passes.folding.fold_constants import fold_constants
from onnx2snn.passes.recurrence.unroll_recurrence import RECURRENT, obstacles
from onnx2snn.passes.repairs.inline_functions import has_body
from onnx2snn.reference.guarded import inline
from onnx2snn_runtime.errors import InputError, Onnx2SnnError, UnsupportedError
from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.ir.schema import DOMAIN, opset_of

_ADVICE = {
    "If": "export the branch that is wanted alone",
    "Loop": "export with a loop of fixed length unrolled",
    "Scan": "export with a scan of fixed length unrolled",
    "SVMClassifier": "train it on integer labels, without probabilities (probability=False)",
    "SequenceConstruct": "export with tensors in place of sequences",
}
_LAYOUTS = ("com.microsoft.nchwc", "com.ms.internal.nhwc")
"""The domains of operators that onnxruntime lays out for the machine that it runs on."""
_TREES = ("TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor")


def check_model(work: Work) -> int:
    """Raise UnsupportedError with one sentence for every node that cannot be converted."""
    if any(node.domain == DOMAIN for node in work.model.graph.node):
        raise InputError(f"{work.where} is a spiking IR file already: run it with 'onnx2snn run'")
    found = refusals(work)
    if found:
        raise UnsupportedError(f"{work.where} cannot be converted: " + "; ".join(found))
    return 0


def refusals(work: Work) -> list[str]:
    """Return one sentence for every node that cannot be converted: what, where, what can be done."""
    model, opset = work.model, opset_of(work.model)
    local = {(f.domain, f.name) for f in model.functions}
    opsets = {("" if o.domain == "ai.onnx" else o.domain): o.version for o in model.opset_import}
    static = {tensor.name for tensor in model.graph.initializer}
    found: list[str] = []
    laid_out = ""
    for node in _with_subgraphs(model.graph):
        domain = "" if node.domain == "ai.onnx" else node.domain
        if facts(node.op_type, domain).random:
            found.append(_sentence(node, domain))
            continue
        if all(name in static or not name for name in node.input) and not domain and not _has_subgraph(node):
            static.update(node.output)
            continue
        known = (domain, node.op_type) in local or work.supported(domain, node.op_type, opsets.get(domain, opset))
        expandable = domain == "" and has_body(node.op_type, opset)
        stays = _has_subgraph(node) and node.op_type not in RECURRENT  # the runtime has no time axis in a subgraph
        if _is_laid_out(node):
            laid_out = laid_out or _layout(node)
        elif stays or not (known or expandable):
            found.append(_sentence(node, domain))
    found += [laid_out] if laid_out else []
    return found + _recurrences(work) + list(_ports(model))


def _recurrences(work: Work) -> list[str]:
    """Return a sentence for every recurrent or branching node that cannot be unrolled."""
    nodes = [node for node in work.model.graph.node if node.op_type in RECURRENT and node.domain in ("", "ai.onnx")]
    if not nodes:
        return []
    copy = replace(work, model=onnx.ModelProto(), warnings=[])
    copy.model.CopyFrom(work.model)
    try:
        if copy.model.functions:
            copy.model = inline(copy.model)
        fold_constants(copy)  # lengths and conditions are known then
        return obstacles(copy)
    except Onnx2SnnError:  # other nodes stand in the way of folding
        return [_sentence(node, "") for node in nodes]


def _ports(model: onnx.ModelProto) -> Iterator[str]:
    for value in (*model.graph.input, *model.graph.output):
        if not value.type.HasField("tensor_type"):
            yield f"{value.name!r} is no tensor: export with tensors as inputs and outputs"
        elif value.type.tensor_type.elem_type == onnx.TensorProto.STRING:
            kind = "input" if value in model.graph.input else "output"
            yield f"the {kind} {value.name!r} is of strings: export the numerical part of the model alone"


def _is_laid_out(node: onnx.NodeProto) -> bool:
    """Return whether onnxruntime has laid the operands of `node` out for one machine: channels last, or in blocks."""
    vendor = node.domain not in ("", "ai.onnx")
    return node.domain in _LAYOUTS or (vendor and any(a.name == "channels_last" and a.i for a in node.attribute))


def _layout(node: onnx.NodeProto) -> str:
    name = node.name or node.output[0]
    return (
        f"onnxruntime's optimizer has laid the model out for one machine (such as the {node.domain}.{node.op_type} "
        f"node {name!r}): save it below the level 'all', at 'extended' or 'basic'"
    )


def _sentence(node: onnx.NodeProto, domain: str) -> str:
    name = node.name or (node.output[0] if node.output else "")
    if node.op_type in _TREES:
        return f"the {node.op_type} node {name!r} is a tree ensemble, which is no neural network"
    if facts(node.op_type, domain).random:
        return (
            f"the {node.op_type} node {name!r} draws random numbers, so that no two runs would agree: export the model "
            "for inference, or take the numbers as an input"
        )
    advice = _ADVICE.get(node.op_type, "replace it by standard operators before the export")
    return f"the {domain + '.' if domain else ''}{node.op_type} node {name!r} has no spiking form: {advice}"


def _with_subgraphs(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield the nodes of `graph`, and those inside loops and branches, which are unrolled."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _with_subgraphs(attribute.g)


def _has_subgraph(node: onnx.NodeProto) -> bool:
    return any(a.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) for a in node.attribute)
