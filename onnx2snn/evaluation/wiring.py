"""Which population the synapses of a network lead to, and so what each of them costs."""

from collections.abc import Mapping, Sequence
from typing import Any

import onnx

from onnx2snn_runtime.ir.recurrence import one_position
from onnx2snn_runtime.ir.schema import is_neuron

OUTPUT = "the output"
"""Stands for the population of layers that lead to none."""


def name_of(node: onnx.NodeProto) -> str:
    """Return what a node is called: by its name, or by its first output."""
    return node.name or (node.output[0] if node.output else "")


def leads_to(model: onnx.ModelProto) -> dict[str, str]:
    """Return the first population, in order of execution, that every node of the IR `model` leads to, by their names.

    A population leads to itself, and what leads to none to `OUTPUT`.
    """
    graph = one_position(model).graph
    order = {name_of(node): index for index, node in enumerate(graph.node) if is_neuron(node)}
    read: dict[str, str] = {}
    found: dict[str, str] = {}
    for node in reversed(graph.node):
        targets = [read[name] for name in node.output if name in read]
        first = name_of(node) if is_neuron(node) else min(targets, key=lambda name: order[name], default=OUTPUT)
        found[name_of(node)] = first
        for name in node.input if first != OUTPUT else ():
            if name not in read or order[first] < order[read[name]]:
                read[name] = first
    return found


def population_costs(model: onnx.ModelProto, layers: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the share of each population in the energy of `layers`, as `energy.layer_figures` gives them, in fp32.

    It is that of the synapses that lead to it, and of the products that it computes; the dearest stand first.
    """
    owners, spent = leads_to(model), dict[str, float]()
    for layer in layers:
        owner = owners.get(layer["name"], OUTPUT)
        spent[owner] = spent.get(owner, 0.0) + layer["fp32"]["shift_adds"]
    total = sum(spent.values())
    ordered = sorted(spent.items(), key=lambda item: -item[1])
    return {name: value / total for name, value in ordered} if total else {}
