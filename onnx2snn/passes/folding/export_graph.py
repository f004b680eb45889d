"""Exports the graph as a model, with its functions and metadata, and infers shapes.

gs.Graph and functions  ->  ModelProto
"""

import onnx
import onnx_graphsurgeon as gs
from onnx import helper

from onnx2snn.passes.base import Work
from onnx2snn.passes.rewriting.marks import MARKS
from onnx2snn.reference.guarded import infer_shapes
from onnx2snn_runtime.ir.large import is_large
from onnx2snn_runtime.ir.schema import DOMAIN


def export_graph(work: Work) -> int:
    """Set `work.model` to the spiking model, without parameters yet."""
    source = work.model
    work.graph.cleanup(remove_unused_node_outputs=False, remove_unused_graph_inputs=False)
    work.graph.opset = work.opset
    model = gs.export_onnx(work.graph, do_type_check=False)
    model.ir_version = source.ir_version
    del model.opset_import[:]
    model.opset_import.extend(source.opset_import)
    if DOMAIN not in {o.domain for o in model.opset_import}:
        model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    model.functions.extend([*work.functions, *(f for f in source.functions if f.domain == MARKS)])
    model.producer_name, model.producer_version = source.producer_name, source.producer_version
    model.domain, model.model_version, model.doc_string = source.domain, source.model_version, source.doc_string
    model.metadata_props.extend(source.metadata_props)
    _restore_ports(model.graph, source.graph)
    del model.graph.value_info[:]
    if not is_large(model):
        model = infer_shapes(model)
    work.model = model
    return 0


def _restore_ports(graph: onnx.GraphProto, source: onnx.GraphProto) -> None:
    """Give inputs and outputs the declarations that they had."""
    for ports, before in ((graph.input, source.input), (graph.output, source.output)):
        declared = {value.name: value for value in before}
        restored = [declared.get(value.name, value) for value in ports]
        del ports[:]
        ports.extend(restored)
