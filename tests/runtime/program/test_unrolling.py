"""A rolled network is the unrolled one: the same spikes, counts and probes, by every executor and dynamics."""

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper, parser

from onnx2snn_runtime.errors import InputError, UnsupportedError
from onnx2snn_runtime.ir.recurrence import key_of, neurons_of, recurrences, unrolled
from onnx2snn_runtime.ir.schema import ModelDefaults, NeuronAttributes, write_defaults, write_neuron
from onnx2snn_runtime.ir.text import to_text
from onnx2snn_runtime.model import SpikingModel

NET = """<ir_version: 8, opset_import: ["" : 17, "onnx2snn" : 1]>
net (float[N,L,3] x) => (float[N,L,2] y, float[N,4] last) <float[3,4] w, float[4,4] r, float[4] b, float[4,2] u> {
  t = Transpose<perm = [1,0,2]>(x)  p = MatMul(t, w)  q = Add(p, b)  s = Shape(q)
  k = Slice(s, one, three)  zero = ConstantOfShape(k)
  last, hs = Scan<num_scan_inputs = 1, body = cell (float h, float i) => (float n, float o) {
    m = MatMul(h, r)  a = Add(i, m)  n = onnx2snn.SpikingBody(a)  o = Identity(n) }> (zero, q)
  z = MatMul(hs, u)  y = Transpose<perm = [1,0,2]>(z) }
<domain: "onnx2snn", opset_import: ["" : 17]> SpikingBody (x) => (y) { y = BODY(x) }"""
DYNAMICS: dict[str, tuple[str, dict[str, Any]]] = {
    "differential": ("Tanh", {}),
    "signgd": ("Tanh", {"dynamics": "signgd"}),
    "signgd, momentum": ("Tanh", {"dynamics": "signgd", "dynamics_options": {"momentum": 0.5}}),
    "subgradient": ("Relu", {"dynamics": "subgradient", "schedule": "inverse"}),
    "if": ("Relu", {"dynamics": "if"}),
    "lif": ("Relu", {"dynamics": "lif"}),
}


def model(body: str = "Tanh", *, dyadic: bool = False, text: str = NET) -> onnx.ModelProto:
    """Return a rolled IR model of one recurrence, [N, L, 3] -> [N, L, 2], and its last state."""
    made = parser.parse_model(text.replace("BODY", body))
    draw = np.random.default_rng(0)
    for value in list(made.graph.value_info):
        shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
        weights = draw.integers(-2, 3, shape) / 4 if dyadic else draw.normal(size=shape) / 2
        made.graph.initializer.append(numpy_helper.from_array(weights.astype(np.float32), value.name))
    for name, number in (("one", [1]), ("three", [3]), ("two", [2]), ("nought", [0]), ("many", [99])):
        made.graph.initializer.append(numpy_helper.from_array(np.array(number), name))
    del made.graph.value_info[:]
    for index, node in enumerate(made.graph.node):
        node.name = node.name or f"node_{index}"
    for node in neurons_of(made.graph):
        node.name = "cell" if node.output[0] == "n" else "second"
        write_neuron(node, NeuronAttributes(1, np.float32(2.0), levels=10, mantissa=2))
    write_defaults(made, ModelDefaults(ir_version=2))
    return made


def written_out(rolled: onnx.ModelProto, length: int) -> SpikingModel:
    """Return the network of a given length, every position of which has the parameters of the rolled one."""
    found = unrolled(rolled, {key_of(node): length for node in recurrences(rolled.graph)})
    assert not recurrences(found.model.graph)
    return SpikingModel(found.model)


def samples(length: int, *, count: int = 3, dyadic: bool = False) -> np.ndarray:
    draw = np.random.default_rng(length)
    shape = (count, length, 3)
    return (draw.integers(-8, 9, shape) / 8 if dyadic else draw.normal(size=shape)).astype(np.float32)


def test_recurrences_need_no_names() -> None:
    """Two in a row, the second over every other position: what tells them apart is what they make."""
    text = NET.replace(
        "z = MatMul(hs, u)",
        """few = Slice(hs, nought, many, nought, two)
      other, gs = Scan<num_scan_inputs = 1, body = second (float h2, float i2) => (float n2, float o2) {
        m2 = MatMul(h2, r)  a2 = Add(i2, m2)  n2 = onnx2snn.SpikingBody(a2)  o2 = Identity(n2) }> (zero, few)
      z = MatMul(gs, u)""",
    )
    named, unnamed = (model(text=text) for _ in range(2))
    for node in unnamed.graph.node:
        node.name = ""
    x = samples(6)
    one, two = (SpikingModel(each).run(x, [2, 5]) for each in (named, unnamed))
    assert one.outputs[5]["y"].shape == (3, 3, 2)
    assert all(np.array_equal(one.outputs[t][name], two.outputs[t][name]) for t in (2, 5) for name in ("y", "last"))


@pytest.mark.parametrize("executor", ["layer", "step", "event"])
@pytest.mark.parametrize("name", DYNAMICS)
def test_rolled_is_unrolled_to_the_bit(name: str, executor: str) -> None:
    body, options = DYNAMICS[name]
    rolled, x = model(body, dyadic=True), samples(5, dyadic=True)
    one = SpikingModel(rolled).run(x, [1, 3, 6], executor=executor, probes=["spikes"], **options)
    two = written_out(rolled, 5).run(x, [1, 3, 6], executor=executor, probes=["spikes"], **options)
    for t in (1, 3, 6):
        for key in ("y", "last"):
            assert np.array_equal(one.outputs[t][key], two.outputs[t][key])
        assert one.events[t] == two.events[t]
    assert one.neurons == two.neurons == 5 * 4
    apart = torch.stack([two.probes["spikes"][f"cell@{position}"] for position in range(5)], 2)
    assert torch.equal(one.probes["spikes"]["cell"], apart)


@pytest.mark.parametrize("name", DYNAMICS)
def test_the_executors_agree_in_float64(name: str) -> None:
    body, options = DYNAMICS[name]
    snn, x = SpikingModel(model(body)).double(), samples(6).astype(np.float64)
    runs = [snn.run(x, [2, 8], executor=executor, **options) for executor in ("layer", "step", "event")]
    for run in runs[1:]:
        for t in (2, 8):
            np.testing.assert_allclose(run.outputs[t]["y"], runs[0].outputs[t]["y"], atol=1e-9)
            assert run.events[t] == runs[0].events[t]


def test_one_network_at_several_lengths_and_batch_sizes() -> None:
    rolled = model()
    snn = SpikingModel(rolled)
    for length in (1, 2, 7, 2):
        x = samples(length, count=5)
        expected = written_out(rolled, length)(x, timesteps=4)
        np.testing.assert_allclose(snn(x, timesteps=4)["y"], expected["y"], atol=1e-6)
        np.testing.assert_allclose(snn(x, timesteps=4, batch_size=2)["y"], expected["y"], atol=1e-6)
    assert len(snn.program.unrolled) == 3


def test_only_some_lengths_are_kept() -> None:
    snn = SpikingModel(model())
    for length in range(1, 12):
        snn(samples(length), timesteps=1)
    assert len(snn.program.unrolled) == 8


def test_a_parameter_of_a_population_is_that_of_all_positions() -> None:
    rolled = model()
    snn, x = SpikingModel(rolled), samples(4)
    before = snn(x, timesteps=4)["y"]
    snn.set_population("cell", levels=3, mantissa=0)
    changed = snn(x, timesteps=4)["y"]
    assert not np.array_equal(before, changed)
    assert np.array_equal(changed, SpikingModel(snn.proto)(x, timesteps=4)["y"])
    assert snn.population_names() == ["cell"]


def test_probes_and_counts_are_those_of_the_population() -> None:
    snn, x = SpikingModel(model()), samples(6, count=5)
    run = snn.run(x, [4], probes=["events", "rates", "values"], operations=True, batch_size=2)
    assert run.probes["values"]["cell"].shape == (4, 5, 6, 4)  # steps, samples, positions, width
    assert int(run.probes["events"]["cell"].sum()) == run.events[4]
    assert run.events_per_neuron[4] == run.events[4] / (6 * 4 * 5)
    names = [layer.name for layer in run.operations[4].layers]
    assert len(names) == len(set(names))
    assert not any("@" in name for name in names)
    plain = snn.plain_operations(x)
    assert {layer.name for layer in plain.layers} == set(names)


def test_other_types_and_early_exit() -> None:
    snn, x = SpikingModel(model()), samples(4)
    expected = snn(x, timesteps=8)["y"]
    run = snn.run(x, [8], early_exit="settled")
    np.testing.assert_allclose(run.outputs[8]["y"], expected, atol=1e-6)
    assert int(run.steps_taken.max()) <= 8
    np.testing.assert_allclose(snn.double()(x.astype(np.float64), timesteps=8)["y"], expected, atol=1e-5)


def test_the_text_shows_the_body_once() -> None:
    text = to_text(model())
    assert "= Scan(%zero, %q) [num_scan_inputs 1]" in text
    assert "    %n = SpikingBody(%a) [scale 2, levels 10, mantissa 2]" in text
    assert "carries %h <- %n" in text


def test_steps_in_time_keep_the_state() -> None:
    snn, x = SpikingModel(model()), samples(3)
    stepped = [snn.step(x)["y"] for _ in range(4)]
    np.testing.assert_allclose(stepped[3], snn(x, timesteps=4)["y"], atol=1e-6)
    with pytest.raises(InputError, match="a sequence of another length came to a stream: call reset"):
        snn.step(samples(4))


def test_frames_carry_the_estimates_of_the_frame_before() -> None:
    snn, x = SpikingModel(model()), samples(6)
    frame = snn.frames(timesteps=12)
    found = [frame(x[:, index : index + 1])["y"] for index in range(6)]
    np.testing.assert_allclose(np.concatenate(found, 1), snn(x, timesteps=12)["y"], atol=5e-3)
    assert set(frame.events) == {"cell"}


def test_a_frame_like_the_one_before_costs_nothing() -> None:
    rolled = model("Relu")
    for tensor in rolled.graph.initializer:
        if tensor.name == "r":  # no memory: the same frame gives the same state
            tensor.CopyFrom(numpy_helper.from_array(np.zeros((4, 4), np.float32), "r"))
    snn = SpikingModel(rolled)
    frame, x = snn.frames(timesteps=8), samples(1)
    first = frame(x)["y"]
    assert frame.events["cell"] > 0
    assert np.array_equal(frame(x)["y"], first)
    assert frame.events["cell"] == 0


def test_frames_that_make_no_sense() -> None:
    snn = SpikingModel(model())
    frame = snn.frames()
    frame(samples(1))
    with pytest.raises(InputError, match="a frame is a sequence of one position, and this one has 3"):
        frame(samples(3))
    with pytest.raises(InputError, match="2 samples came to a stream of 3: call reset"):
        frame(samples(1, count=2))
    with pytest.raises(UnsupportedError, match="holds no rolled recurrence, whose positions could be frames"):
        written_out(model(), 2).frames()
