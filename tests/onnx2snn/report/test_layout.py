"""The graph that a report draws: what stands in it, and where."""

import re

import onnx
import pytest
from onnx import parser

from onnx2snn.report.layout import UNBROKEN, graph_of
from tests.runtime.networks import CNN, CONTROL, HEAD, LAYERS, proto


def kinds(found: dict) -> list[tuple[str, str]]:
    return [(node["name"], node["kind"]) for node in found["nodes"]]


def test_populations_synapses_joins_and_ports() -> None:
    found = graph_of(proto(CNN), ["neuron_h", "neuron_g"])
    assert kinds(found) == [
        ("x", "port"), ("a", "synapse"), ("neuron_h", "population"), ("c", "synapse"), ("r", "join"),
        ("neuron_g", "population"), ("y", "synapse"), ("y", "port"),
    ]  # fmt: skip
    numbers = {node["name"]: node["population"] for node in found["nodes"] if node["population"] is not None}
    assert numbers == {"neuron_h": 0, "neuron_g": 1}


def test_masks_are_not_followed() -> None:
    found = graph_of(proto(CONTROL), ["neuron_h", "neuron_k"])
    assert ("f", "join") not in kinds(found)
    assert ("m", "port") in kinds(found)


@pytest.mark.parametrize("text", LAYERS.values(), ids=LAYERS)
def test_no_two_nodes_lie_on_each_other_and_ranks_go_forward(text: str) -> None:
    model = proto(text)
    found = graph_of(model, [])
    places = [(node["x"], node["y"]) for node in found["nodes"]]
    assert len(set(places)) == len(places)
    assert all(0 <= x <= found["width"] and 0 <= y <= found["height"] for x, y in places)
    for path in found["edges"]:
        x, *_, u, _ = map(float, re.findall(r"-?\d+", path))
        assert u > x  # these networks are short: one line


def chain(length: int) -> onnx.ModelProto:
    lines = " ".join(f"a{i + 1} = onnx2snn.SpikingRelu(a{i})" for i in range(length))
    return proto(f"long (float[N, 4] a0) => (float[N, 4] a{length}) {{ {lines} }}")


def test_a_long_network_is_wrapped_to_a_wide_shape() -> None:
    length = 8 * UNBROKEN
    found = graph_of(chain(length), [])
    assert len(found["nodes"]) == length + 2
    assert 1.2 < found["width"] / found["height"] < 5
    lines = {node["y"] for node in found["nodes"]}
    assert 4 < len(lines) < length / 6
    detours = [path for path in found["edges"] if "Q" in path]
    assert len(detours) == len(lines) - 1


def test_names_of_any_kind() -> None:
    model = parser.parse_model(HEAD + "odd (float[N, 4] x) => (float[N, 4] y) { y = Relu(x) }")
    assert kinds(graph_of(_spiking(model), ["</script>"]))[1] == ("</script>", "population")


def _spiking(model: onnx.ModelProto) -> onnx.ModelProto:
    from tests.onnx2snn.conftest import spiking

    made = spiking(model)
    made.graph.node[0].name = "</script>"
    return made
