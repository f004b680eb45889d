"""What a command imports before it works: torch takes seconds, onnxruntime a tenth of one."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from onnx2snn import zoo
from onnx2snn.settings import ConversionSettings, SpikeSettings
from onnx2snn.settings.payload import PAYLOADS
from onnx2snn.settings.registered import check_registered
from onnx2snn.zoo.base import SOURCES

TREE = """<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml": 3]>
g (float[N,2] x) => (float[N,1] y) {
  h = Relu(x)
  y = ai.onnx.ml.TreeEnsembleRegressor <n_targets=1, nodes_falsenodeids=[2,0,0], nodes_featureids=[0,0,0],
    nodes_modes=["BRANCH_LEQ","LEAF","LEAF"], nodes_nodeids=[0,1,2], nodes_treeids=[0,0,0], nodes_truenodeids=[1,0,0],
    nodes_values=[0.5,0.0,0.0], target_ids=[0,0], target_nodeids=[1,2], target_treeids=[0,0], target_weights=[1.0,2.0]
  > (h)
}"""
NET = """<ir_version: 8, opset_import: ["" : 17]>
g (float[N,2] x) => (float[N,2] y) <float[2,2] w = {1,2,3,4}> { h = MatMul(x, w)  y = Relu(h) }"""
CODE = """
import sys, click.testing
from onnx2snn.cli import main
for line in sys.argv[1:]:
    result = click.testing.CliRunner().invoke(main, line.split())
    print(line.split()[0], result.exit_code, result.stderr.strip())
print(*sorted({"torch", "onnxruntime"} & set(sys.modules)))
"""


def after(folder: Path, *lines: str) -> list[str]:
    """Run command lines in one process; return a line for each, then which of torch and onnxruntime it imported."""
    words = [sys.executable, "-c", CODE, *lines]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=folder)
    return done.stdout.splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("tree", TREE), ("net", NET)):
        onnx.save(onnx.parser.parse_model(text), tmp_path / f"{name}.onnx")
    np.save(tmp_path / "x.npy", np.ones((8, 2), np.float32))
    return tmp_path


def test_a_refusal_imports_neither_torch_nor_onnxruntime(folder: Path) -> None:
    *lines, imported = after(
        folder,
        "inspect tree.onnx --threads 1",
        "convert tree.onnx",
        "convert tree.onnx --payload binary --calibration x.npy",
        "convert nothing.onnx",
        "convert no/folder.onnx -o x.onnx",
        "convert net.onnx --output net.onnx",
        "convert net.onnx --payload power --mantissa 2",
    )
    said = ["is a tree ensemble"] * 3 + ["there is no file"] * 2 + ["read and cannot be written", "a power has none"]
    for text, line in zip(said, lines, strict=True):
        assert text in line
    assert imported == ""


def test_inspecting_imports_no_torch(folder: Path) -> None:
    fixture = Path(__file__).parents[2] / "fixtures" / "ir_v1" / "signgd_rmsprop.snn.onnx"
    *lines, imported = after(folder, "inspect net.onnx", f"inspect {fixture}", "inspect net.onnx --neurons elementwise")
    assert lines == ["inspect 0 "] * 3
    assert "torch" not in imported  # onnxruntime tries out where the samples are


def test_converting_imports_torch(folder: Path) -> None:
    assert after(folder, "convert net.onnx --no-adapt --threads 1")[-1] == "onnxruntime torch"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_is_not_asked_of_the_registries_is_in_them(payload: str) -> None:
    check_registered(ConversionSettings(spikes=SpikeSettings(payload=payload)))


def test_sources_are_named_by_their_files() -> None:
    assert sorted(zoo.sources()) == list(SOURCES)
