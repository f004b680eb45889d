"""A PyTorch module as a file: it runs without this package, and gives the same answers."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from onnx2snn.export import export
from onnx2snn.passes.folding.quantise_weights import quantise_weights
from onnx2snn_runtime.ir.recurrence import neurons_of, recurrences
from onnx2snn_runtime.ir.schema import NeuronAttributes, write_neuron
from onnx2snn_runtime.model import SpikingModel
from tests.onnx2snn.export.test_onnx_step import DEEP
from tests.onnx2snn.export.test_translate import NETWORKS, samples, scaled
from tests.onnx2snn.test_neurobench import PADDED
from tests.runtime.networks import FLAT, LAYERS, MLP, TWO_INPUTS, network, proto, sample

CHOICES: dict[str, dict[str, Any]] = {
    "differential": {"dynamics": "differential"},
    "annealed": {"dynamics": "differential", "dynamics_options": {"annealed": 2, "mantissa": 2}},
    "ternary": {"dynamics": "ternary", "schedule": "polynomial", "schedule_options": {"horizon": 20}},
    "signgd": {"dynamics": "signgd", "schedule": "inverse"},
    "signgd, momentum": {"dynamics": "signgd", "dynamics_options": {"momentum": 0.5}},
    "signgd, rmsprop": {"dynamics": "signgd", "dynamics_options": {"optimizer": "rmsprop"}},
    "delayed": {"dynamics": "differential", "delay": 1},
    "if": {"dynamics": "if"},
    "lif": {"dynamics": "lif", "dynamics_options": {"leak": 0.75, "reset": "hard", "initial": 0.25}},
    "subgradient": {"dynamics": "subgradient"},
    "subgradient, delayed": {"dynamics": "subgradient", "dynamics_options": {"momentum": 0.5}, "delay": 1},
}
RECTIFIED = ("if", "lif", "subgradient")


def loaded(path: Path) -> torch.nn.Module:
    """Return the network of a file, as it is without an import of the file."""
    names: dict[str, Any] = {"__file__": str(path), "__name__": "module"}
    exec(compile(path.read_text(), str(path), "exec"), names)
    return names["Network"]()


def compare(snn: SpikingModel, path: Path, x: Any, dtype: str = "float64", most: float = 1e-9, **overrides: Any) -> str:
    """Export, run both and compare all outputs after 1 and after 5 steps; return the code."""
    export(snn, path, to="torch", timesteps=5, dtype=dtype, **overrides)
    given = {name: torch.from_numpy(np.asarray(value)) for name, value in x.items()}
    given = {name: value.to(getattr(torch, dtype)) if value.is_floating_point() else value
             for name, value in given.items()}  # fmt: skip
    wide = snn.to(getattr(torch, dtype))
    run = wide.run(given, (1, 5), executor="step", probes=["spikes"], **overrides)
    module = loaded(path)
    for steps in (1, 5, 5):
        expected, made = run.outputs[steps], module(*given.values(), timesteps=steps)
        for name in expected if isinstance(expected, dict) else [None]:
            ours, theirs = (expected, made) if name is None else (expected[name], made[name])
            torch.testing.assert_close(theirs, ours, rtol=0, atol=most)
    for name, spikes in run.probes["spikes"].items():
        if name in module.spikes:
            torch.testing.assert_close(module.spikes[name], spikes[-1], rtol=0, atol=most)
    assert module.spikes
    return path.read_text()


@pytest.mark.parametrize("name", [*NETWORKS, "padded"])
@pytest.mark.parametrize("choice", ["differential", "if", "lif"])
def test_a_module_gives_the_same_answers(name: str, choice: str, tmp_path: Path) -> None:
    snn = scaled(network({**NETWORKS, "padded": PADDED}[name]), True)
    compare(snn, tmp_path / "net.py", {"x": samples(snn)}, **CHOICES[choice])


@pytest.mark.parametrize("choice", CHOICES)
def test_every_dynamics(choice: str, tmp_path: Path) -> None:
    snn = scaled(network(NETWORKS["a shortcut with weights"]), True)
    compare(snn, tmp_path / "net.py", {"x": samples(snn)}, **CHOICES[choice])


@pytest.mark.parametrize("choice", ["differential", "if", "subgradient, delayed"])
def test_functions_that_change_the_shape(choice: str, tmp_path: Path) -> None:
    snn = network(FLAT)
    compare(snn, tmp_path / "net.py", sample(snn, 5), **CHOICES[choice])


@pytest.mark.parametrize("choice", [choice for choice in CHOICES if not choice.startswith(RECTIFIED)])
@pytest.mark.parametrize("name", [*LAYERS, "deep"])
def test_every_function(name: str, choice: str, tmp_path: Path) -> None:
    snn = network({**LAYERS, "deep": DEEP}[name])
    compare(snn, tmp_path / "net.py", sample(snn, 5), **CHOICES[choice])


@pytest.mark.parametrize(
    ("encoder", "dynamics"),
    [
        ("float", "signgd"), ("spike", "signgd"), ("stochastic_spike", "signgd"), ("differential", "differential"),
        ("poisson", "if"), ("float", "subgradient"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("delay", [0, 1])
def test_every_encoder(encoder: str, dynamics: str, delay: int, tmp_path: Path) -> None:
    snn = network(MLP, encoder=encoder, spiking_inputs=("x",), input_scales={"x": 2.0})
    compare(snn, tmp_path / "net.py", sample(snn, 5), dynamics=dynamics, delay=delay)


@pytest.mark.parametrize("choice", ["differential", "signgd, momentum", "delayed"])
def test_recurrences_are_loops_over_positions(choice: str, tmp_path: Path) -> None:
    """Both directions, any length, and populations of every position."""
    model = rolled()
    snn = SpikingModel(model)
    for length in (3, 5):
        x = np.random.default_rng(length).normal(size=(length, 2, 4)).astype(np.float32)
        path = tmp_path / f"net{length}.py"
        code = compare(snn, path, {"x": x}, **CHOICES[choice])
    assert "for position in range(" in code
    assert "-1 - position" in code


def rolled() -> onnx.ModelProto:
    """Return a network of two recurrences, one read from the end."""
    text = """rolled (float[L, N, 4] x) => (float[L, N, 6] y)
    <float[4, 3] w, float[3, 3] r, float[4, 3] v, float[3, 3] q, float[6, 6] o>
    { a = MatMul(x, w)  b = MatMul(x, v)  s = Shape(x)  i = Constant<value = int64[1] {1}>()  n = Gather(s, i)
      k = Constant<value = int64[1] {3}>()  z = Concat<axis = 0>(n, k)  h0 = ConstantOfShape(z)
      h1, ys = Scan<num_scan_inputs = 1, body = forth (float[N, 3] h, float[N, 3] p) => (float[N, 3] g, float[N, 3] e)
      { hr = MatMul(h, r)  pre = Add(p, hr)  g = onnx2snn.SpikingTanh(pre)  e = Identity(g) }>(h0, a)
      g1, zs = Scan<num_scan_inputs = 1, scan_input_directions = [1], scan_output_directions = [1],
      body = back (float[N, 3] h_, float[N, 3] p_) => (float[N, 3] g_, float[N, 3] e_)
      { hr_ = MatMul(h_, q)  pre_ = Add(p_, hr_)  g_ = onnx2snn.SpikingTanh(pre_)  e_ = Identity(g_) }>(h0, b)
      c = Concat<axis = 2>(ys, zs)  y = MatMul(c, o) }"""
    model = proto(text, ir_version=2, batch_axes={"x": 1, "y": 1})
    for node in recurrences(model.graph):
        node.name = f"scan_{node.output[0]}"
    for node in neurons_of(model.graph):
        node.name = f"neuron_{node.output[0]}"
        write_neuron(node, NeuronAttributes(1, np.float32(4.0)))
    return model


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_integer_weights_stay_integers(dtype: str, tmp_path: Path) -> None:
    model = proto(MLP)
    quantise_weights(model)
    snn = SpikingModel(model)
    compare(snn, tmp_path / "net.py", sample(snn, 5), dtype, 1e-9 if dtype == "float64" else 1e-5)
    with np.load(tmp_path / "net.weights.npz") as held:
        assert any(array.dtype == np.int8 for array in held.values())
        assert {array.dtype for array in held.values() if array.dtype.kind == "f"} == {np.dtype(dtype)}


def test_readouts_several_outputs_and_several_inputs(tmp_path: Path) -> None:
    text = TWO_INPUTS.replace("y = Add(k, g)", "q = Add(k, g)  y = Softmax<axis = -1>(q)")
    snn = network(text)
    code = compare(snn, tmp_path / "net.py", sample(snn, 4))
    assert "# what is computed on decoded values" in code
    compare(snn, tmp_path / "biased.py", sample(snn, 4), delay=1)


def test_names_of_values_are_never_those_of_functions_or_methods(tmp_path: Path) -> None:
    """Values that are called like Python's words, like the operators' functions and like the module's methods."""
    text = """names (float[N, 4] x) => (float[N, 3] results) <float[4, 8] step, float[8] forward, float[8, 3] class>
    { gemm = Gemm(x, step, forward)  self = onnx2snn.SpikingTanh(gemm)  fire = onnx2snn.SpikingGelu(self, lambda)
      results = Gemm(fire, class) }""".replace("float[8, 3] class", "float[8, 3] class, float[1] lambda")
    snn = network(text)
    compare(snn, tmp_path / "net.py", sample(snn, 4))
    compare(snn, tmp_path / "delayed.py", sample(snn, 4), delay=1)


def test_it_needs_nothing_of_ours(tmp_path: Path) -> None:
    snn = network(MLP)
    done = export(snn, tmp_path / "net.py", to="torch", timesteps=6)
    assert [Path(file).name for file in done.files] == ["net.py", "net.weights.npz"]
    x = samples(snn)
    np.save(tmp_path / "x.npy", x)
    code = "import sys, numpy, torch, net; x = torch.from_numpy(numpy.load('x.npy')); y = net.Network()(x); " \
           "assert not [m for m in sys.modules if m.startswith('onnx')]; numpy.save('y.npy', y.numpy())"  # fmt: skip
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, check=True)
    assert np.array_equal(np.load(tmp_path / "y.npy"), snn(x, timesteps=6))


def test_it_runs_in_steps_and_begins_anew(tmp_path: Path) -> None:
    snn = network(MLP)
    export(snn, tmp_path / "net.py", to="torch", dtype="float64")
    module, x = loaded(tmp_path / "net.py"), torch.from_numpy(samples(snn)).double()
    first = [module.step(x) for _ in range(3)]
    assert torch.equal(first[-1], module(x, timesteps=3))
    module.reset()
    assert torch.equal(module.step(x), first[0])
