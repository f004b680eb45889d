"""Inspects a model: how each node would be converted, or what an IR file contains."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
import onnx_graphsurgeon as gs

from onnx2snn.evaluation.macs import multiply_adds, shapes_of
from onnx2snn.passes.base import Work, run_passes
from onnx2snn.passes.check_model import check_model, refusals
from onnx2snn.passes.neurons.classify_values import KINDS, classify
from onnx2snn.passes.neurons.group_regions import Region, group_regions
from onnx2snn.passes.neurons.write_neurons import cannot_spike, write_neurons
from onnx2snn.passes.recurrence.fix_shapes import fix_shapes
from onnx2snn.passes.rewriting.graph_tools import to_proto
from onnx2snn.passes.rewriting.marks import MARKS
from onnx2snn.pipeline import pipeline, prepare
from onnx2snn.reference.guarded import infer_shapes
from onnx2snn.settings import NetworkSettings
from onnx2snn_runtime.errors import Stage
from onnx2snn_runtime.ir.batch import axes_of
from onnx2snn_runtime.ir.flow import analyse
from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.ir.recurrence import neurons_of, one_position
from onnx2snn_runtime.ir.schema import is_neuron, read_defaults
from onnx2snn_runtime.ir.verify import verify


@dataclass(frozen=True)
class NodeReport:
    """One node: its kind, what is worth knowing of it, its multiply-adds and the population it becomes part of."""

    name: str
    op_type: str
    kind: str
    note: str = ""
    macs: int | None = None
    population: str | None = None


@dataclass
class Inspection:
    """What becomes of a model: its nodes, the share of each kind in nodes and multiply-adds, and what is refused.

    `inputs` and `outputs` hold type and shape by name, such as "float32 (any, 1, 28, 28)"; `batch_axes` says of both
    where their samples are. `settings` are what an IR file recorded of its conversion, by part and name.
    """

    model: str
    is_ir: bool = False
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    batch_axes: dict[str, str] = field(default_factory=dict)
    nodes: list[NodeReport] = field(default_factory=list)
    kinds: tuple[str, ...] = KINDS
    shares: dict[str, dict[str, float]] = field(default_factory=dict)
    populations: int = 0
    refusals: list[str] = field(default_factory=list)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)


@Stage("the inspection")
def inspect_model(
    model: str | Path | onnx.ModelProto,
    *,
    neurons: str = "region",
    encoder: str = "direct",
    batch_axis: Mapping[str, int | None] | None = None,
    shape: Mapping[str, Sequence[int]] | None = None,
) -> Inspection:
    """Return what `convert` would make of `model`, or what the IR file `model` holds, refusals listed."""
    asked = NetworkSettings(neurons, encoder, batch_axis=batch_axis or {}, shape=shape or {})
    work = prepare(model, neurons, encoder)
    work.batch_axes, work.shapes = asked.batch_axis, asked.shape
    found = Inspection(work.where)
    weights = {tensor.name for tensor in work.model.graph.initializer}
    found.inputs = {v.name: _described(v) for v in work.model.graph.input if v.name not in weights}
    found.outputs = {v.name: _described(v) for v in work.model.graph.output}
    if any(True for _ in neurons_of(work.model.graph)):
        _inspect_ir(work, found)
    else:
        fix_shapes(work)
        found.refusals = refusals(work)
        if not found.refusals:
            _inspect_ann(work, found)
    _share(found)
    found.batch_axes = {name: work.axes.described(name) for name in (*work.axes.inputs, *work.axes.outputs)}
    return found


def _inspect_ann(work: Work, found: Inspection) -> None:
    passes = pipeline(work.neurons)
    run_passes([p for p in passes[: passes.index(write_neurons)] if p is not check_model], work)
    classes = classify(work.graph, work.encoder)
    regions = group_regions(work.graph, classes, work.neurons)
    found.refusals = cannot_spike(work, regions)
    found.populations = len(regions)
    owners = {id(node): region for region in regions for node in region.nodes}
    tensors = work.graph.tensors().items()
    shapes = {name: tuple(map(_size, t.shape)) for name, t in tensors if t.shape is not None}
    for node in work.graph.nodes:
        if node.domain == MARKS:
            continue
        region = owners.get(id(node))
        kind = "neuron" if region is not None else classes.kind(node)
        found.nodes.append(_report(node, kind, region, multiply_adds(to_proto(node), shapes)))


def _described(value: onnx.ValueInfoProto) -> str:
    """Return the type and the shape of `value` in words."""
    tensor = value.type.tensor_type
    if not tensor.elem_type:
        return "no tensor"
    kind = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    kind = {"float": "float32", "double": "float64"}.get(kind, kind)
    sizes = [str(d.dim_value) if d.dim_value else "any" for d in tensor.shape.dim]
    return f"{kind} ({', '.join(sizes)})" if tensor.HasField("shape") else kind


def _size(dimension: object) -> int:
    return dimension if isinstance(dimension, int) else 1


def _report(node: gs.Node, kind: str, region: Region | None, macs: int | None) -> NodeReport:
    note = ""
    if region is not None and node is region.sink:
        note = f"of {', '.join(tensor.name for tensor in region.sources)}"
    elif region is not None:
        note = f"inside {region.output.name}"
    return NodeReport(node.name, node.op, kind, note, macs, region.output.name if region is not None else None)


def _inspect_ir(work: Work, found: Inspection) -> None:
    found.is_ir = True
    work.axes = axes_of(work.model)
    verify(work.model, work.where)
    defaults = read_defaults(work.model, work.where)
    found.settings = defaults.settings
    model = one_position(work.model)
    if model is not work.model:
        model = infer_shapes(model)
    flow = analyse(model.graph, defaults.spiking_inputs)
    shapes = shapes_of(model)
    parts = {"prologue": flow.prologue, "loop": flow.loop, "tail": flow.tail, "readout": flow.readout}
    for part, nodes in parts.items():
        for node in nodes:
            macs = multiply_adds(node, shapes)
            kind = "readout" if part == "readout" else "synapse"
            if is_neuron(node):
                kind = "neuron"
            elif part == "prologue" and not facts(node.op_type, node.domain).weighted:
                kind = "control"
            owner = node.output[0] if is_neuron(node) else None
            found.nodes.append(NodeReport(node.name, node.op_type, kind, part, macs, owner))
    found.populations = sum(report.kind == "neuron" for report in found.nodes)


def _share(found: Inspection) -> None:
    nodes = Counter(report.kind for report in found.nodes)
    macs = Counter[str]()
    for report in found.nodes:
        macs[report.kind] += report.macs or 0
    total = max(1, sum(macs.values()))
    count = max(1, len(found.nodes))
    found.shares = {kind: {"nodes": nodes[kind] / count, "macs": macs[kind] / total} for kind in KINDS}
