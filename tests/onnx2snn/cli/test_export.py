"""onnx2snn export: its paths, its refusals, and what it prints."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.onnx2snn.cli.conftest import Invoke, Refused
from tests.runtime.networks import CNN, network


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return a spiking IR file."""
    network(CNN).save(tmp_path / "net.snn.onnx")
    return tmp_path / "net.snn.onnx"


def test_a_reader_has_to_be_named(model: Path, refused: Refused) -> None:
    assert "choose the --target sinabs, norse, snntorch, spikingjelly" in refused("export", model, "--to", "nir")


def test_other_files_than_nir_are_not_verified(model: Path, refused: Refused) -> None:
    sentence = refused("export", model, "--to", "onnx-step", "--verify", "x.npz")
    assert "--verify runs NIR files in their readers" in sentence


def test_an_existing_file_is_kept(model: Path, refused: Refused) -> None:
    there = model.with_name("net.norse.nir")
    there.write_text("mine")
    assert "exists" in refused("export", model, "--to", "nir", "--target", "norse")
    assert there.read_text() == "mine"


@pytest.mark.slow
def test_a_file_is_written_and_verified(model: Path, invoke: Invoke) -> None:
    pytest.importorskip("nir")
    pytest.importorskip("spikingjelly")
    np.savez(model.with_name("data.npz"), x=np.random.default_rng(0).normal(size=(6, 2, 4, 4)).astype(np.float32))
    words = ("export", model, "--to", "nir", "--target", "spikingjelly", "--verify", model.with_name("data.npz"))
    result = invoke(*words, "--timesteps", 8)
    assert result.exit_code == 0, result.output
    assert "6 samples in spikingjelly, T=8: same top-1 on 100.00%" in result.stdout
    assert f"written: {model.with_name('net.spikingjelly.nir')}" in result.stdout
    result = invoke(*words, "--force", "--json")
    assert json.loads(result.stdout)["verification"]["agreement"] == 1.0
