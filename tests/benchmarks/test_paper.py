"""The experiment runs on a handful of images, and says what it refused."""

import json

import pytest
from click.testing import CliRunner

from benchmarks.paper import __main__ as command
from benchmarks.paper import ablation
from benchmarks.paper import measure as measuring
from benchmarks.paper.settings import CANDIDATES, NETWORKS, SETTINGS, describe
from benchmarks.paper.table import lines

WHY = "the dynamics 'if' expresses ReLU alone, and 'x' has other neurons: Relu-MaxPool (a), Gelu (b); choose another"


def row(accuracy):
    return {"accuracy": accuracy, "agreement": accuracy, "events_per_neuron": 1.5}


def figures():
    measured = {"timesteps": {"1": row(0.5), "4": row(0.9)}}
    settings = {"differential": measured, "signgd, tuned for T=8": measured | {"schedule": "inverse(initial=1)"}}
    return {"network": "mnist_cnn", "samples": 10, "ann": 0.95, "settings": settings | {"if": {"refused": WHY}}}


def test_every_dynamics_is_measured_or_refused_by_name(monkeypatch):
    monkeypatch.setattr(measuring, "TUNING", 4)
    told = []
    result = measuring.measure("mnist_relu_cnn", samples=6, most=4, tell=told.append)
    assert list(result["settings"]) == [setting.name for setting in SETTINGS]
    assert len(told) == len(SETTINGS)
    for measured in result["settings"].values():
        assert list(measured["timesteps"]) == ["1", "2", "4"]
    at_4 = {name: measured["timesteps"]["4"] for name, measured in result["settings"].items()}
    assert at_4["differential"]["agreement"] == 1
    assert at_4["signgd"]["events_per_neuron"] == 4
    assert result["settings"]["signgd, tuned for T=8"]["schedule"] in [describe(schedule) for schedule in CANDIDATES]


def test_the_command_writes_what_it_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "measure", lambda name, samples, most, tell: figures() | {"network": name})
    monkeypatch.setattr(command.torch, "set_num_threads", lambda threads: None)
    pytest.importorskip("matplotlib")
    done = CliRunner().invoke(command.main, ["--out", str(tmp_path)], catch_exceptions=False)
    assert done.exit_code == 0
    assert [entry["network"] for entry in json.loads((tmp_path / "paper.json").read_text())] == list(NETWORKS)
    first = (tmp_path / "paper_steps.png").read_bytes()
    assert first.startswith(b"\x89PNG")
    assert (tmp_path / "paper_events.png").stat().st_size > 10_000
    again = CliRunner().invoke(command.main, ["--out", str(tmp_path), "--redraw"], catch_exceptions=False)
    assert again.output == done.output


def test_the_table_names_refusals_and_their_reasons():
    text = "\n".join(lines([figures()]))
    assert "| network | ANN | dynamics | T=1 | T=4 |" in text
    assert "| mnist_cnn | 95.0 | differential | 50.0 | 90.0 |" in text
    assert "| mnist_cnn | 95.0 | if | refused | refused |" in text
    assert "mnist_cnn: if refused, for its neurons Relu-MaxPool, Gelu" in text
    assert "mnist_cnn, signgd, tuned for T=8: inverse(initial=1)" in text


def test_a_network_that_is_not_there_is_trained(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(measuring, "train", lambda name, path: asked.append((name, path)))
    path = measuring.trained("mnist_mlp", tmp_path)
    assert asked == [("mnist_mlp", path)] == [("mnist_mlp", tmp_path / "mnist_mlp.onnx")]
    assert measuring.trained("mnist_mlp").exists()
    assert len(asked) == 1


def test_the_ablation_ends_with_neurons_that_have_no_scales(monkeypatch):
    monkeypatch.setattr(ablation, "TIMESTEPS", (4,))
    done = dict(ablation.accuracies("mnist_relu_cnn", samples=6))
    assert len(done) == 4
    assert all(len(row) == 1 and 0 <= row[0] <= 1 for row in done.values())


def test_a_refusal_is_written_down_without_the_machine_s_folders():
    refused = measuring.measure("mnist_cnn", samples=2, most=1, tell=str)["settings"]["if"]["refused"]
    assert "'models/trained/mnist_cnn.onnx' has other neurons: Relu-MaxPool" in refused
