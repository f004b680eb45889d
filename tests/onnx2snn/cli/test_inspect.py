"""onnx2snn inspect."""

import json
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
import pytest

from tests.onnx2snn.cli.conftest import Invoke


@dataclass
class Node:
    name: str = "Relu_0"
    op_type: str = "Relu"
    kind: str = "neuron"
    note: str = ""
    macs: int | None = None
    population: str | None = "relu"


@dataclass
class Found:
    model: str
    is_ir: bool = False
    inputs: dict[str, str] = field(default_factory=lambda: {"x": "float32 (any, 4)"})
    outputs: dict[str, str] = field(default_factory=lambda: {"y": "float32 (any, 3)"})
    batch_axes: dict[str, str] = field(default_factory=lambda: {"x": "samples along axis 0"})
    nodes: list[Node] = field(default_factory=lambda: [Node(), Node("Gemm_1", "Gemm", "synapse", "", 12345, None)])
    kinds: tuple[str, ...] = ("static", "control", "synapse", "neuron", "readout")
    shares: dict[str, dict[str, float]] = field(default_factory=lambda: {"neuron": {"nodes": 0.5, "macs": 0.0}})
    populations: int = 1
    refusals: list[str] = field(default_factory=list)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    listed: list[str] = []

    def inspect_model(model: Path, **options: Any) -> Found:
        return Found(str(model), refusals=listed)

    module = types.ModuleType("onnx2snn.evaluation.inspection")
    module.inspect_model = inspect_model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "onnx2snn.evaluation.inspection", module)
    return listed


def test_every_node_and_the_shares(invoke: Invoke, refusals: list[str]) -> None:
    result = invoke("inspect", "net.onnx")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["net.onnx:", "a", "plain", "network"]
    ports = ["input x: float32 (any, 4), samples along axis 0", "output y: float32 (any, 3)"]
    assert result.stdout.splitlines()[1:3] == ports
    assert lines[4] == ["Relu_0", "Relu", "neuron", "relu", "-"]
    assert lines[5] == ["Gemm_1", "Gemm", "synapse", "-", "12,345"]
    assert ["neuron", "50.00", "%", "0.00", "%"] in lines


def test_refusals_are_all_listed(invoke: Invoke, refusals: list[str]) -> None:
    refusals += ["the node 'a' is a Loop: unroll it", "the node 'b' is an If: fold it"]
    result = invoke("inspect", "net.onnx", "--json")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [f"Error: {text}" for text in refusals]
    assert json.loads(result.stdout)["refusals"] == refusals


def test_a_network_without_a_neuron(invoke: Invoke, tmp_path: Path) -> None:
    text = '<ir_version: 8, opset_import: ["" : 17]> net (float[N, 4] x) => (float[N, 4] y) { y = Neg(x) }'
    onnx.save(onnx.parser.parse_model(text), tmp_path / "net.onnx")
    result = invoke("inspect", tmp_path / "net.onnx")
    assert result.stdout.endswith("0 populations of neurons: there is nothing to convert\n")


def test_without_nodes_there_is_no_table(invoke: Invoke, tmp_path: Path) -> None:
    text = '<ir_version: 8, opset_import: ["" : 17]> net (float[N, 4] x) => (float[N, 4] y) { y = Foo(x) }'
    onnx.save(onnx.parser.parse_model(text), tmp_path / "net.onnx")
    result = invoke("inspect", tmp_path / "net.onnx")
    assert result.exit_code == 1
    ports = "input x: float32 (any, 4)\noutput y: float32 (any, 4)\n"
    assert result.stdout == f"'{tmp_path / 'net.onnx'}': a plain network\n{ports}"
    assert result.stderr.startswith("Error: the Foo node 'y' has no spiking form")
