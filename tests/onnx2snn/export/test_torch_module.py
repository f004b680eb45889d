"""A PyTorch module as a file: it runs without this package, and gives the same answers."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from onnx2snn.export import export
from onnx2snn_runtime.errors import UnsupportedError
from tests.onnx2snn.export.test_translate import NETWORKS, samples, scaled
from tests.onnx2snn.test_neurobench import PADDED
from tests.runtime.networks import MLP, network

CHOICES: list[dict[str, Any]] = [
    {"dynamics": "if"},
    {"dynamics": "lif", "dynamics_options": {"leak": 0.75, "reset": "hard", "initial": 0.25}},
]


def loaded(path: Path) -> torch.nn.Module:
    names: dict[str, Any] = {"__file__": str(path), "__name__": "module"}
    exec(compile(path.read_text(), str(path), "exec"), names)
    return names["Network"]()


@pytest.mark.parametrize("name", [*NETWORKS, "padded"])
@pytest.mark.parametrize("overrides", CHOICES, ids=["if", "lif"])
def test_a_module_gives_the_same_answers(name: str, overrides: dict[str, Any], tmp_path: Path) -> None:
    snn = scaled(network({**NETWORKS, "padded": PADDED}[name], dyadic=True), True).double()
    done = export(snn, tmp_path / "net.py", to="torch", timesteps=6, dtype="float64", **overrides)
    assert [Path(file).name for file in done.files] == ["net.py", "net.npz"]
    module = loaded(tmp_path / "net.py").double()
    x = torch.from_numpy(samples(snn)).double()
    torch.testing.assert_close(module(x), snn(x, timesteps=6, **overrides), rtol=0, atol=1e-6)
    assert torch.equal(module(x), module(x))


def test_it_needs_nothing_of_ours(tmp_path: Path) -> None:
    snn = network(MLP)
    export(snn, tmp_path / "net.py", to="torch", timesteps=6, dynamics="if")
    x = samples(snn)
    np.save(tmp_path / "x.npy", x)
    code = "import sys, numpy, torch, net; x = torch.from_numpy(numpy.load('x.npy')); y = net.Network()(x); " \
           "assert not [m for m in sys.modules if m.startswith('onnx')]; numpy.save('y.npy', y.numpy())"  # fmt: skip
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, check=True)
    assert np.allclose(np.load(tmp_path / "y.npy"), snn(x, timesteps=6, dynamics="if"), atol=1e-5)


def test_other_dynamics_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="not of Differential: give --dynamics if, or --to onnx-step"):
        export(network(MLP), tmp_path / "net.py", to="torch")
    with pytest.raises(UnsupportedError, match="neither coded inputs nor a delay"):
        export(network(MLP), tmp_path / "net.py", to="torch", dynamics="if", delay=1)
