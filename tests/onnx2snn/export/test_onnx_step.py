"""Files of one time step: onnxruntime alone, and the runtime, spike for spike."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from onnx2snn.export import export
from onnx2snn.passes.folding.quantise_weights import quantise_weights
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.model import SpikingModel
from tests.onnx2snn.export.test_translate import NETWORKS, samples, scaled
from tests.runtime.networks import CNN, FLAT, MLP, network, proto

DEEP = """deep (float[N, 4] x) => (float[N, 5] y) <float[4, 6] w, float[6] b, float[6, 6] v, float[1] s = {1.41421}>
{ a = Gemm(x, w, b)  h = onnx2snn.SpikingGelu(a, s)  c = MatMul(h, v)  g = onnx2snn.SpikingTanh(c)
  m = onnx2snn.SpikingMul(h, g)  k = MatMul(m, v)  y = onnx2snn.SpikingTanh(k) }""".replace("[N, 5] y", "[N, 6] y")
HARD: dict[str, Any] = {"dynamics": "if", "dynamics_options": {"reset": "hard", "initial": 0.25}}
CHOICES: dict[str, dict[str, Any]] = {
    "differential": {"dynamics": "differential"},
    "one bit of mantissa, few levels": {"dynamics": "differential", "dynamics_options": {"levels": 3, "mantissa": 0}},
    "fine": {"dynamics": "differential", "dynamics_options": {"levels": 20, "mantissa": 6}},
    "gradual": {"dynamics": "differential", "dynamics_options": {"levels": 8, "mantissa": 4, "gradual": True}},
    "a dead zone": {"dynamics": "differential", "dynamics_options": {"dead_zone": 0.06}},
    "ternary": {"dynamics": "ternary"},
    "ternary, a dead zone": {"dynamics": "ternary", "dynamics_options": {"dead_zone": 0.3}},
    "signgd": {"dynamics": "signgd", "schedule": "inverse"},
    "if": {"dynamics": "if"},
    "if, hard": HARD,
    "lif": {"dynamics": "lif", "dynamics_options": {"leak": 0.75}},
}
RECTIFIED = ("if", "if, hard", "lif")


def run_file(path: Path, x: np.ndarray, steps: int) -> tuple[list[dict[str, np.ndarray]], list[dict[str, str]]]:
    """Run a file of one step as somebody would who has onnxruntime alone; return all outputs, and the states."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    states = json.loads(session.get_modelmeta().custom_metadata_map["onnx2snn.step.states"])
    inputs = {port.name: port for port in session.get_inputs()}
    names = [port.name for port in session.get_outputs()]
    held = {}
    for name, port in inputs.items():
        if "." in name:
            held[name] = np.zeros([len(x) if isinstance(size, str) else size for size in port.shape], x.dtype)
    made = []
    for t in range(1, steps + 1):
        given = {next(iter(inputs)): x, **held} | ({"t": np.array(t)} if "t" in inputs else {})
        made.append(dict(zip(names, session.run(None, given), strict=True)))
        for state in states:
            held |= {state[k]: made[-1][state[f"{k}_next"]] for k in state if f"{k}_next" in state}
    return made, states


def compare(snn: SpikingModel, path: Path, dtype: str, most: float, **overrides: Any) -> None:
    """Export and run, and compare every spike and answer of 6 steps with the runtime's."""
    x = samples(snn).astype(dtype)
    export(snn, path, to="onnx-step", timesteps=6, dtype=dtype, **overrides)
    made, states = run_file(path, x, 6)
    snn = snn.double() if dtype == "float64" else snn
    run = snn.run(torch.from_numpy(x), range(1, 7), executor="step", probes=["spikes"], **overrides)
    assert [state["population"] for state in states] == snn.population_names()
    sent = wrong = 0
    for t, outputs in enumerate(made):
        assert np.abs(run.outputs[t + 1].numpy() - outputs[snn.program.outputs[0].name]).max() <= most
        for state in states:
            ours = run.probes["spikes"][state["population"]][t].numpy()
            sent += np.count_nonzero(ours)
            wrong += (np.abs(ours - outputs[state["spike"]]) > 1e-6).sum()
    assert sent > 30
    assert wrong <= (0 if dtype == "float64" else 0.02 * sent)  # fine spikes turn on the last bits of float32


@pytest.mark.parametrize("choice", CHOICES)
def test_a_step_in_float64_is_that_of_the_runtime(choice: str, tmp_path: Path) -> None:
    compare(scaled(network(MLP), True), tmp_path / "x.onnx", "float64", 1e-9, **CHOICES[choice])


@pytest.mark.parametrize("choice", CHOICES)
def test_a_step_of_convolutions(choice: str, tmp_path: Path) -> None:
    compare(network(CNN), tmp_path / "x.onnx", "float32", 1e-5, **CHOICES[choice])


@pytest.mark.parametrize("choice", [choice for choice in CHOICES if choice not in RECTIFIED])
def test_a_step_of_any_function(choice: str, tmp_path: Path) -> None:
    compare(scaled(network(DEEP), False), tmp_path / "x.onnx", "float32", 1e-5, **CHOICES[choice])


@pytest.mark.parametrize("choice", ["differential", "if"])
def test_a_step_of_a_function_that_changes_the_shape(choice: str, tmp_path: Path) -> None:
    compare(scaled(network(FLAT), True), tmp_path / "x.onnx", "float32", 1e-5, **CHOICES[choice])


@pytest.mark.parametrize("name", ["a shortcut with weights", "channels joined, values halved", "one dimension"])
def test_steps_of_branches(name: str, tmp_path: Path) -> None:
    compare(network(NETWORKS[name]), tmp_path / "x.onnx", "float32", 1e-5, dynamics="differential")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_integer_weights_are_exported(dtype: str, tmp_path: Path) -> None:
    model = proto(MLP)
    quantise_weights(model)
    compare(SpikingModel(model), tmp_path / "x.onnx", dtype, 1e-9 if dtype == "float64" else 1e-5)
    kinds = {tensor.data_type for tensor in onnx.load(tmp_path / "x.onnx").graph.initializer}
    assert onnx.TensorProto.INT8 in kinds


def test_readouts_are_in_the_file(tmp_path: Path) -> None:
    text = MLP.replace("y = MatMul(h, u)", "z = MatMul(h, u)  y = Softmax(z)")
    compare(network(text), tmp_path / "x.onnx", "float64", 1e-9)


@pytest.mark.parametrize("dynamics", ["differential", "ternary"])
def test_what_no_number_is_is_sent_once(dynamics: str, tmp_path: Path) -> None:
    text = """g (float[N, 5] x) => (float[N, 5] y) { a = Neg(x)  h = onnx2snn.SpikingRelu(a)  y = Neg(h) }"""
    snn = network(text)
    export(snn, tmp_path / "x.onnx", to="onnx-step", dynamics=dynamics)
    x = np.array([[np.nan, -np.inf, np.inf, -2.0, 0.25]], np.float32)
    made, states = run_file(tmp_path / "x.onnx", x, 3)
    with pytest.warns(UserWarning, match="NaN"):
        run = snn.run(torch.from_numpy(x), [3], executor="step", probes=["spikes"], dynamics=dynamics)
    np.testing.assert_array_equal(made[-1]["y"], run.outputs[3].numpy())
    sent = np.stack([step[states[0]["spike"]] for step in made])
    np.testing.assert_array_equal(sent, run.probes["spikes"]["neuron_h"].numpy())
    assert np.isnan(sent[:, 0, 0]).tolist() == [True, False, False]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("dynamics", "held"),
    [
        ("differential", {"dead_zone": 0.06}),
        ("differential", {"gradual": True, "mantissa": 4, "levels": 8}),
        ("ternary", {"dead_zone": 0.3}),
        ("ternary", {"onset": 2}),
    ],
)
def test_attributes_of_populations_are_kept(dynamics: str, held: dict[str, Any], dtype: str, tmp_path: Path) -> None:
    snn = scaled(network(MLP), True)
    for name in snn.population_names():
        snn.set_population(name, **held)
    sums = []
    for each in (snn, scaled(network(MLP), True)):
        x = torch.from_numpy(samples(each))
        sums.append(each.run(x, [6], executor="step", dynamics=dynamics).outputs[6])
    assert not torch.equal(*sums)
    compare(snn, tmp_path / "x.onnx", dtype, 1e-9 if dtype == "float64" else 1e-5, dynamics=dynamics)


def test_a_file_is_plain_and_says_how_it_is_run(tmp_path: Path) -> None:
    done = export(network(CNN), tmp_path / "x.onnx", to="onnx-step", dynamics="ternary", timesteps=9)
    model = onnx.load(tmp_path / "x.onnx")
    assert {node.domain for node in model.graph.node} == {""}
    assert [o.domain for o in model.opset_import] == [""]
    assert not model.functions
    assert [value.name for value in model.graph.input] == ["x", "v.h", "t", "v.g"]
    assert [value.name for value in model.graph.output] == ["y", "v_next.h", "spike.h", "v_next.g", "spike.g"]
    assert [d.dim_param or d.dim_value for d in model.graph.input[1].type.tensor_type.shape.dim] == ["N", 4, 4, 4]
    assert done.facts["timesteps"] == 9
    assert "1 to 9: the file holds step sizes for so many" in done.notes[1]


@pytest.mark.parametrize(
    ("overrides", "why"),
    [
        ({"dynamics": "subgradient"}, "'subgradient' is not written as an ONNX graph"),
        ({"dynamics": "signgd", "dynamics_options": {"momentum": 0.5}}, "plain sgd alone"),
        ({"dynamics": "differential", "dynamics_options": {"annealed": 2}}, "annealed.* leave it out"),
        ({"delay": 1}, "give --delay 0"),
    ],
)
def test_refusals(overrides: dict[str, Any], why: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=why):
        export(network(CNN), tmp_path / "x.onnx", to="onnx-step", **overrides)


def test_coded_inputs_are_refused(tmp_path: Path) -> None:
    snn = network(MLP, encoder="float", spiking_inputs=("x",), input_scales={"x": 1.0})
    with pytest.raises(UnsupportedError, match=r"only constant currents \(encoder direct\)"):
        export(snn, tmp_path / "x.onnx", to="onnx-step")
