"""Orders that readers which walk depth first can follow."""

import numpy as np
import pytest

from onnx2snn.export.lines.graph import Layer, Network
from onnx2snn.export.lines.nodes import _ordered_edges
from onnx2snn.export.lines.order import walk
from onnx2snn.export.lines.translate import Wanted, translate
from onnx2snn_runtime.dynamics.base import make_dynamics
from onnx2snn_runtime.errors import UnsupportedError
from tests.onnx2snn.export.test_translate import NETWORKS
from tests.runtime.networks import network


def walked(made: Network) -> list[Layer]:
    """Return the layers as a reader visits them that walks depth first along the edges, in the order of the file."""
    following: dict[int, list[Layer]] = {}
    for before, layer in _ordered_edges(made):
        following.setdefault(id(before), []).append(layer)
    seen: list[Layer] = []

    def visit(layer: Layer) -> None:
        if not any(layer is one for one in seen):
            seen.append(layer)
            for after in following.get(id(layer), []):
                visit(after)

    visit(made.layers[0])
    return seen


def translated(name: str) -> Network:
    return translate(network(NETWORKS[name]).program, make_dynamics("if", None, {}), Wanted(False))


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "one dimension"])
def test_every_layer_is_computed_after_those_it_reads(name: str) -> None:
    made = translated(name)
    added = walk(made)
    order = walked(made)
    assert len(order) == len(made.layers)
    place = {id(layer): index for index, layer in enumerate(order)}
    assert all(place[id(before)] < place[id(layer)] for before, layer in made.edges())
    zeros = [layer for layer in made.layers if layer.name.startswith("order_")]
    assert len(zeros) == added
    assert all(not np.any(layer.weight) for layer in zeros)


def test_few_layers_are_added() -> None:
    assert walk(translated("mlp")) == 0
    assert walk(translated("a shortcut, a pool, a bias behind")) == 0
    assert walk(translated("a shortcut with weights")) == 1


def test_branches_of_different_ranks_are_refused() -> None:
    start = Layer("Input", "x", (2, 4, 4), [])
    image, vector = Layer("Conv2d", "image", (2, 4, 4), [start]), Layer("Flatten", "vector", (32,), [start])
    other = Layer("Affine", "other", (3,), [vector])
    again = Layer("Flatten", "again", (32,), [image])
    last = Layer("Affine", "last", (3,), [again])
    made = Network([start, vector, other, image, again, last, Layer("Output", "y", (3,), [other, last])])
    with pytest.raises(UnsupportedError, match=r"branches of different ranks.*choose the target snntorch"):
        walk(made)
