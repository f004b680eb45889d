"""The table of energies: the cheapest setting that loses little enough, or what kept it from being found."""

import dataclasses
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import energy
from onnx2snn.data.readers import Samples


def few(samples: Samples, count: int) -> Samples:
    assert samples.labels is not None
    return Samples({name: value[:count] for name, value in samples.inputs.items()}, samples.labels[:count], count)


def network() -> energy.Subject:
    whole = energy.subject("mnist_mlp", None)
    assert whole is not None
    assert (whole.sought.count, whole.test.count) == (256, 2000)
    return dataclasses.replace(whole, sought=few(whole.sought, 32), test=few(whole.test, 64))


def test_the_cheapest_setting_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = [({"bits": 8, "adapt": False}, (2, 3)), ({"bits": 4, "adapt": False}, (1,))]
    monkeypatch.setattr(energy, "settings", lambda payload: iter(tried))
    monkeypatch.setattr(energy, "loss_of", lambda found, t: (0.0, t > 1))
    found = energy.best(network(), "graded")
    assert (found["setting"], found["timesteps"], found["samples"]) == ({"bits": 8, "adapt": False}, 2, 64)
    assert 0 < found["fp32"]["ratio"] < found["int8"]["ratio"] < 1
    cells = [cell.strip() for cell in energy.row(found).split("|")[1:-1]]
    assert cells[:5] == ["mnist_mlp", "graded", "bits=8 adapt=False", "2", "0.00 points"]
    assert cells[7] == f"{found['fp32']['ratio']:.2f}"
    monkeypatch.setattr(energy, "loss_of", lambda found, t: (1.0, False))
    assert "| not reached |" in energy.row(energy.best(network(), "graded"))


def test_the_loss_is_of_accuracy_or_a_relative_error() -> None:
    row = {"accuracy": 0.978, "relative_error": 0.02}
    assert energy.loss_of({"timesteps": {"2": row}, "ann": {"accuracy": 0.98}}, 2) == (pytest.approx(0.002), True)
    assert energy.loss_of({"timesteps": {"2": row}, "ann": {"accuracy": None}}, 2) == (0.02, False)


def test_neurons_that_a_spike_cannot_express_are_said_to_be() -> None:
    made = energy.subject("mnist_mixer", None)
    assert made is not None
    assert "has neurons that it cannot express" in energy.row(energy.best(made, "unary"))


@pytest.mark.parametrize("payload", energy.PAYLOADS)
def test_every_payload_has_settings(payload: str) -> None:
    assert all(steps for _, steps in energy.settings(payload))


def test_what_is_there_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"network": "mnist_mlp", "payload": "unary", "reached": False}
    (tmp_path / "energy.json").write_text(json.dumps([there]))
    monkeypatch.setattr(energy, "best", lambda network, payload: {"network": network.name, "payload": payload})
    options = ["--out", str(tmp_path), "--networks", "mnist_mlp,efficientnet_lite0", "--payloads", "unary,power"]
    done = CliRunner().invoke(energy.main, options)
    assert done.exit_code == 0, done.output
    assert "efficientnet_lite0 is left out" in done.output
    assert json.loads((tmp_path / "energy.json").read_text()) == [there, {"network": "mnist_mlp", "payload": "power"}]
