"""Every system runs the same network; the ANN's time counts T times; a system that cannot run is a row that says so."""

import sys

import numpy as np
import pytest
import torch

import onnx2snn
from benchmarks import beside, memory, memory_cell, systems
from benchmarks.networks import SUBJECTS
from benchmarks.trained import TRAINED, calibration, trained_module


def test_the_files_of_all_systems_hold_the_same_network(tmp_path):
    onnx2snn.convert(TRAINED / "mnist_mlp.onnx", calibration(), adapt=False).save(tmp_path / memory.NETWORK)
    torch.save(trained_module("mnist_mlp"), tmp_path / memory_cell.FILES["torch"])
    x = torch.from_numpy(calibration()[:3])
    one = memory_cell.opened("torch", tmp_path / memory_cell.FILES["torch"])(x, 8)
    (two,) = memory_cell.opened("onnxruntime", tmp_path / memory.NETWORK)(x, 8).values()
    assert np.allclose(one, two, atol=1e-3)
    assert memory_cell.opened("step", tmp_path / memory.NETWORK)(x, 8).shape == one.shape


def test_a_network_without_time_counts_once_a_step():
    seconds = {"torch": 1.0, "onnxruntime": 0.5, "layer": 4.0, "step": 16.0}
    cells = {name: {"loaded": 1, "above_loaded": 1024 * held, "above_warm": 1}
             for name, held in (("torch", 20), ("onnxruntime", 10), ("layer", 40))}  # fmt: skip
    cells["step"] = {"failed": "exit status -9"}
    rows = [systems.row(name, seconds, cells, batch=10, timesteps=8) for name in seconds]
    rows.append({"system": memory_cell.MULTI, "refused": "not installed"})
    assert systems.lines({"network": "net", "systems": rows}) == [
        "| net | torch ANN, T times | 800 | 1.00 | 2 | 1.00 |",
        "| net | onnxruntime ANN, T times | 400 | 0.50 | 1 | 0.50 |",
        "| net | onnx2snn, layer | 400 | 0.50 | 4 | 2.00 |",
        "| net | onnx2snn, step | 1600 | 2.00 | exit status -9 | - |",
        "| net | SpikingJelly, multi-step | not installed | - | - | - |",
    ]


def test_without_the_package_nothing_is_converted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "spikingjelly", None)
    assert beside.convert(SUBJECTS["mnist_mlp"], torch.nn.Identity(), 8) == (None, "not installed")


def test_many_steps_at_once_have_to_give_what_single_steps_give(monkeypatch: pytest.MonkeyPatch):
    def runner(model, x, steps, many, first):
        return lambda: 2 * x if many else x

    monkeypatch.setattr(beside.ann2snn, "runner", runner)
    calls, refused = beside.peers(torch.nn.Identity(), torch.ones(4, 1), 8)
    assert list(calls) == [memory_cell.SINGLE]
    assert refused == {memory_cell.MULTI: "gives other outputs than single-step"}


def test_a_refusal_is_one_short_cell():
    assert beside.short(ValueError("a|b\n  c")) == "a/b c"
    assert len(beside.short(ValueError("word " * 100))) <= 110
