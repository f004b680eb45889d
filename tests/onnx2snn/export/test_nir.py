"""NIR files: written for one reader, refused in a sentence, and run by the readers themselves."""

from pathlib import Path

import numpy as np
import pytest

from onnx2snn.export import Request, export
from onnx2snn.export.lines.targets import TARGETS
from onnx2snn.export.nir import chosen_dynamics, package
from onnx2snn.export.verification import verify
from onnx2snn_runtime.errors import InputError, RegistryError
from tests.onnx2snn.export.test_translate import NETWORKS, samples, scaled
from tests.runtime.networks import CNN, network

MODULES = {"sinabs": "sinabs", "norse": "norse", "snntorch": "snntorch", "spikingjelly": "spikingjelly"}


def asked(target: str = "norse", **given: object) -> Request:
    return Request(network(CNN), Path("x.nir"), target, **given)  # type: ignore[arg-type]


def test_what_is_chosen_for_a_file() -> None:
    dynamics, initial = chosen_dynamics(asked(), TARGETS["norse"])
    assert (dynamics.reset, dynamics.initial, dynamics.keep, initial) == ("hard", 0.0, 1.0, 0.0)
    overrides = {"dynamics": "lif", "dynamics_options": {"leak": 0.75, "threshold": 2.0, "initial": 0.25}}
    dynamics, initial = chosen_dynamics(asked(overrides=overrides, initial_as_bias=True), TARGETS["sinabs"])
    assert (dynamics.reset, dynamics.threshold, dynamics.keep, initial) == ("soft", 2.0, 0.75, 0.25)


@pytest.mark.parametrize(
    ("overrides", "why"),
    [
        ({"dynamics": "ternary"}, "no neuron of the dynamics .ternary.: give --dynamics if or lif, or --to onnx-step"),
        ({"dynamics": "if", "dynamics_options": {"reset": "soft"}}, "norse reads neurons of hard reset, not of soft"),
        ({"dynamics": "if", "dynamics_options": {"initial": 0.5}}, "start at 0.5 .*initial=0, or --initial-as-bias"),
        ({"delay": 1}, "within a step: export with --delay 0"),
    ],
)
def test_refusals_of_dynamics(overrides: dict[str, object], why: str) -> None:
    with pytest.raises(InputError, match=why):
        chosen_dynamics(asked(overrides=overrides), TARGETS["norse"])


def test_refusals_of_a_request(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no reader 'lava' of NIR files: choose the --target sinabs, norse"):
        export(network(CNN), tmp_path / "x.nir", to="nir", target="lava")
    with pytest.raises(InputError, match="written for one reader: choose the --target"):
        export(network(CNN), tmp_path / "x.nir", to="nir")
    with pytest.raises(RegistryError, match="no exporter 'nri': did you mean 'nir'"):
        export(network(CNN), tmp_path / "x.nir", to="nri")
    with pytest.raises(InputError, match="no dtype 'half' to export in"):
        export(network(CNN), tmp_path / "x.nir", to="nir", dtype="half")
    with pytest.raises(InputError, match=r"'no_such_package' is not installed: .*onnx2snn\[nir\]"):
        package("no_such_package")


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "one dimension"])
def test_readers_spike_as_our_own_neurons(name: str, target: str, tmp_path: Path) -> None:
    """But sinabs, which sends several spikes at once: its first population is the same as long as it does not."""
    pytest.importorskip("nir")
    pytest.importorskip(MODULES[target])
    snn = scaled(network(NETWORKS[name]), True)
    request = Request(snn, tmp_path / "x.nir", target, {"dynamics": "if"}, 10)
    done = export(snn, request.path, to="nir", target=target, timesteps=10, dynamics="if")
    found = verify(request, done, samples(snn, 8))
    assert found.spikes > 100
    if target != "sinabs":
        assert found.differing < 2e-3
        assert found.relative_error < 1e-2
        assert found.agreement == 1.0
    elif not found.several:  # no membrane is lifted
        assert found.differing < 2e-3


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_readers_leak_as_our_own_neurons(target: str, tmp_path: Path) -> None:
    pytest.importorskip("nir")
    pytest.importorskip(MODULES[target])
    snn = scaled(network(NETWORKS["mlp"]), False)
    snn.set_population(snn.population_names()[0], scale=np.float32(16.0))  # no two spikes at once
    overrides = {"dynamics": "lif", "dynamics_options": {"leak": 0.875}}
    done = export(snn, tmp_path / "x.nir", to="nir", target=target, timesteps=16, **overrides)
    found = verify(Request(snn, tmp_path / "x.nir", target, overrides, 16), done, 3 * samples(snn, 32))
    assert found.spikes > 50
    assert found.differing < 1e-2


@pytest.mark.slow
def test_membranes_far_below_their_threshold_stay_there_in_sinabs(tmp_path: Path) -> None:
    """It lifts those of an IF neuron to minus the threshold: a neuron without a leak is written as LIF."""
    nir = pytest.importorskip("nir")
    pytest.importorskip("sinabs")
    snn = scaled(network(NETWORKS["strides, groups and unequal pads"]), True)
    for name in snn.population_names():
        snn.set_population(name, scale=np.float32(32.0))
    request = Request(snn, tmp_path / "x.nir", "sinabs", {"dynamics": "if"}, 64)
    done = export(snn, request.path, to="nir", target="sinabs", timesteps=64, dynamics="if")
    kinds = {type(node).__name__ for node in nir.read(str(request.path), type_check=False).nodes.values()}
    assert "LIF" in kinds
    assert "IF" not in kinds
    assert any("type_check=False" in note for note in done.notes)
    found = verify(request, done, 2 * samples(snn, 8))
    assert found.spikes > 50
    assert found.by_population[snn.population_names()[0]] < 1e-3
    assert found.differing < 0.05  # two spikes at once


@pytest.mark.slow
def test_one_dimension_is_for_spikingjelly_alone(tmp_path: Path) -> None:
    pytest.importorskip("nir")
    pytest.importorskip("spikingjelly")
    snn = network(NETWORKS["one dimension"])
    done = export(snn, tmp_path / "x.nir", to="nir", target="spikingjelly", timesteps=8)
    found = verify(Request(snn, tmp_path / "x.nir", "spikingjelly", {}, 8), done, samples(snn, 8))
    assert found.spikes
    assert found.differing < 2e-3
    with pytest.raises(Exception, match="convolution over 1 axis, which norse does not read"):
        export(snn, tmp_path / "y.nir", to="nir", target="norse")


@pytest.mark.slow
def test_the_notes_say_what_the_reader_has_to_know(tmp_path: Path) -> None:
    pytest.importorskip("nir")
    snn = network(NETWORKS["a shortcut with weights"])
    done = export(snn, tmp_path / "x.nir", to="nir", target="norse", timesteps=4, initial_as_bias=True)
    text = "\n".join(done.notes)
    assert "biases are larger by 0.5 / 4" in text
    assert "layers of zero weights make norse compute branches in order: 1" in text
    again = export(snn, tmp_path / "x.nir", to="nir", target="spikingjelly", force=True)
    assert np.array_equal(sorted(again.facts["neurons"]), sorted(snn.population_names()))
