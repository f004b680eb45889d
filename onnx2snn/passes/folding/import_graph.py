"""Imports a copy of the model as a graph-surgeon graph, topologically sorted and without unused nodes.

ModelProto  ->  gs.Graph
"""

import onnx
import onnx_graphsurgeon as gs
from onnx_graphsurgeon.logger import G_LOGGER

from onnx2snn.passes.base import Work

G_LOGGER.severity = G_LOGGER.CRITICAL + 1  # it prints before it raises


def import_graph(work: Work) -> int:
    """Set `work.graph`."""
    copy = onnx.ModelProto()
    copy.CopyFrom(work.model)
    del copy.functions[:]  # those of marks: to graph-surgeon they are operators
    for index, node in enumerate(copy.graph.node):
        node.name = node.name or f"{node.op_type}_{index}"
    work.graph = gs.import_onnx(copy)
    work.graph.cleanup(remove_unused_node_outputs=False, remove_unused_graph_inputs=False)
    work.graph.toposort(mode="nodes")
    return 0
