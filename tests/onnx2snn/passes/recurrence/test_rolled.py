"""Recurrences of a free length stay rolled: a Scan with neurons inside, the same network at any length."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper, parser

from onnx2snn.conversion import convert
from onnx2snn.passes.base import run_passes
from onnx2snn.pipeline import pipeline, prepare
from onnx2snn_runtime.errors import InputError, UnsupportedError
from onnx2snn_runtime.ir.recurrence import neurons_of, recurrences
from onnx2snn_runtime.loading import load

SIZE, HIDDEN, CLASSES = 4, 5, 3
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
FLOAT = onnx.TensorProto.FLOAT


def tagger(
    op: str, *, length: int | str = "L", lengths: bool = False, states: bool = False, **attributes: Any
) -> onnx.ModelProto:
    """Return a network [N, length, SIZE] -> [N, length, CLASSES] of one recurrent layer, with random weights.

    `lengths` adds the input n [N], `states` the inputs and outputs h (and c) [N, directions, HIDDEN].
    """
    draw, gates = np.random.default_rng(5), GATES[op]
    d = 2 if attributes.get("direction") == "bidirectional" else 1
    weights = {"W": (d, gates * HIDDEN, SIZE), "R": (d, gates * HIDDEN, HIDDEN), "B": (d, 2 * gates * HIDDEN)}
    held = {name: (draw.normal(size=shape) / 2).astype(np.float32) for name, shape in weights.items()}
    held |= {"U": draw.normal(size=(d * HIDDEN, CLASSES)).astype(np.float32), "shape": np.array([0, 0, d * HIDDEN])}
    kept = ("h", "c")[: 2 if op == "LSTM" else 1] if states else ()
    inputs = [("x", FLOAT, ["N", length, SIZE]), *([("n", onnx.TensorProto.INT32, ["N"])] if lengths else [])]
    inputs += [(name, FLOAT, ["N", d, HIDDEN]) for name in kept]
    outputs = [("y", FLOAT, ["N", length, CLASSES]), *((f"{name}_new", FLOAT, ["N", d, HIDDEN]) for name in kept)]
    names = ["xt", "W", "R", "B", "n" if lengths else "", *(f"{name}_t" for name in kept)]
    made = ["Y", *(f"{name}_last" for name in ("h", "c")[: 2 if op == "LSTM" else 1])]
    turn = {"perm": [1, 0, 2]}
    nodes = [
        helper.make_node("Transpose", ["x"], ["xt"], **turn),
        *(helper.make_node("Transpose", [name], [f"{name}_t"], **turn) for name in kept),
        helper.make_node(op, names, made, name="layer", hidden_size=HIDDEN, **attributes),
        helper.make_node("Transpose", ["Y"], ["Yt"], perm=[2, 0, 1, 3]),
        helper.make_node("Reshape", ["Yt", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "U"], ["y"]),
        *(helper.make_node("Transpose", [f"{name}_last"], [f"{name}_new"], **turn) for name in kept),
    ]
    graph = helper.make_graph(
        nodes,
        "tagger",
        [helper.make_tensor_value_info(*port) for port in inputs],
        [helper.make_tensor_value_info(*port) for port in outputs],
        [numpy_helper.from_array(value, name) for name, value in held.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def values(model: onnx.ModelProto, length: int, samples: int = 4, seed: int = 0) -> dict[str, np.ndarray]:
    """Return random inputs of `model` for sequences of `length`."""
    draw, sizes, made = np.random.default_rng(seed), {"N": samples, "L": length}, {}
    for port in model.graph.input:
        shape = [d.dim_value or sizes[d.dim_param] for d in port.type.tensor_type.shape.dim]
        floats = port.type.tensor_type.elem_type == FLOAT
        made[port.name] = draw.normal(size=shape).astype(np.float32) if floats else draw.integers(1, length + 1, shape)
    return {name: v if v.dtype == np.float32 else v.astype(np.int32) for name, v in made.items()}


def run(model: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, inputs)


def spiking(model: onnx.ModelProto, recurrence: str = "auto") -> onnx.ModelProto:
    """Return the IR of `model`, without parameters."""
    work = prepare(model, recurrence=recurrence)
    run_passes(pipeline("region"), work)
    onnx.checker.check_model(work.model, full_check=True)
    return work.model


LOOP = """<ir_version: 8, opset_import: ["" : 17]> net (float[N,L,4] x) => (float[N,4] y, float[L,N,4] z)
<float[4,4] w = {1,0.5,-1,0.25,0,1,0.5,0.5,-0.5,0.25,1,1,0,0,0.5,-1}, bool yes = {1}, int64 one = {1}> {
  s = Shape(x)  n = Gather(s, one)  e = ReduceMean<axes=[1], keepdims=0>(x)  v = Identity(w)
  y, u, z = Loop(n, yes, e, v) <body = body (int64 i, bool go, float[N,4] h, float[4,4] m)
      => (bool on, float[N,4] k, float[4,4] same, float[N,4] o) {
    on = Identity(go)  same = Identity(m)  t = Gather<axis=1>(x, i)  p = MatMul(h, m)  q = Add(p, t)  k = Tanh(q)
    o = Neg(k) }> }"""
COUNTER = """<ir_version: 8, opset_import: ["" : 17]> net (float[N,L,4] x) => (float[N,4] y)
<float[4,4] w = {1,0.5,-1,0.25,0,1,0.5,0.5,-0.5,0.25,1,1,0,0,0.5,-1}, bool yes = {1}, int64 one = {1}, int64 zero = {0},
 int64 many = {9999}> {
  s = Shape(x)  n = Gather(s, one)  f = Cast<to=1>(n)  e = ReduceMean<axes=[1], keepdims=0>(x)
  c, y = Loop(many, yes, zero, e) <body = body (int64 i, bool go, int64 j, float[N,4] h)
      => (bool on, int64 d, float[N,4] k) {
    d = Add(j, one)  g = Cast<to=1>(d)  less = Less(g, f)  on = And(less, less)
    t = Gather<axis=1>(x, j)  p = MatMul(h, w)  q = Add(p, t)  k = Tanh(q) }> }"""
SCAN = """<ir_version: 8, opset_import: ["" : 18]> net (float[N,5] h, float[N,L,5] x) => (float[N,5] y, float[N,L,5] z)
<float[5,5] w = {1,0.5,-1,0.25,0,1,0.5,0.5,-0.5,0.25,1,1,0,0,0.5,-1,0,0.5,1,0.25,1,0,-1,0,0.5}>
{ y, z = Scan <num_scan_inputs = 1, scan_input_axes = [1], scan_output_axes = [1], scan_input_directions = [1],
  scan_output_directions = [1], body = body (float[N,5] s, float[N,5] t) => (float[N,5] u, float[N,5] v)
  { m = MatMul(s, w)  a = Add(m, t)  u = Tanh(a)  v = Identity(u) }> (h, x) }"""
NETWORKS = {
    **{f"{op} {d}": tagger(op, direction=d) for op in GATES for d in ("forward", "reverse", "bidirectional")},
    **{f"{op} of given lengths": tagger(op, direction="bidirectional", lengths=True) for op in GATES},
    **{f"{op} with states": tagger(op, states=True) for op in GATES},
    "LSTM reverse of given lengths, clipped": tagger("LSTM", direction="reverse", lengths=True, clip=0.7),
    "Loop": parser.parse_model(LOOP),
    "Loop that counts": parser.parse_model(COUNTER),
    "Scan": parser.parse_model(SCAN),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_ir_is_the_same_network_at_any_length(name: str) -> None:
    model = NETWORKS[name]
    ir = spiking(model)
    assert recurrences(ir.graph)
    for length in (1, 3, 9):
        inputs = values(model, length)
        for expected, found in zip(run(model, inputs), run(ir, inputs), strict=True):
            np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_rolled_network_spikes_at_any_length(name: str) -> None:
    model = NETWORKS[name]
    snn = convert(model, calibration=values(model, 5, 12), levels=16, mantissa=4, timesteps=8, adapt=False)
    for length in (1, 4, 11):
        inputs = values(model, length, seed=length)
        run_ = snn.run(inputs, timesteps=8)
        outputs = run_.outputs[8] if isinstance(run_.outputs[8], dict) else {"y": run_.outputs[8]}
        for expected, found in zip(run(model, inputs), outputs.values(), strict=True):
            assert np.linalg.norm(found - expected) <= 0.01 * np.linalg.norm(expected)


@pytest.mark.parametrize("name", ["GRU of given lengths", "LSTM with states"])
def test_the_default_conversion_is_within_its_tolerance_at_other_lengths(name: str) -> None:
    model = NETWORKS[name]
    snn = convert(model, calibration=values(model, 9, 24), budget=20)
    assert snn.defaults.timesteps <= 4
    for length in (4, 12):  # padded batches of mixed lengths, where lengths are given
        inputs = values(model, length, 24, seed=length)
        outputs = snn.run(inputs).outputs[snn.defaults.timesteps]
        found = list(outputs.values()) if isinstance(outputs, dict) else [outputs]
        for expected, got in zip(run(model, inputs), found, strict=True):
            assert np.linalg.norm(got - expected) <= 0.015 * np.linalg.norm(expected)
        assert (run(model, inputs)[0].argmax(-1) == found[0].argmax(-1)).mean() >= 0.97


def test_short_sequences_of_a_fixed_length_are_written_out() -> None:
    assert not recurrences(spiking(tagger("GRU", length=8)).graph)
    assert recurrences(spiking(tagger("GRU", length=8), "rolled").graph)
    assert recurrences(spiking(tagger("GRU", length=64)).graph)
    assert not recurrences(spiking(tagger("GRU", length=64), "unrolled").graph)


def test_the_file_does_not_grow_with_the_length(tmp_path) -> None:
    sizes = []
    for length in (40, 400):
        model = tagger("LSTM", length=length)
        snn = convert(model, calibration=values(model, length, 4), adapt=False)
        snn.save(tmp_path / f"{length}.snn.onnx")
        sizes.append((tmp_path / f"{length}.snn.onnx").stat().st_size)
        assert len(snn.population_names()) == len(list(neurons_of(snn.proto.graph))) == 3
    assert abs(sizes[1] - sizes[0]) < 64


def test_a_rolled_file_is_read_again(tmp_path) -> None:
    model = tagger("LSTM", direction="bidirectional")
    snn = convert(model, calibration=values(model, 5), adapt=False)
    snn.save(tmp_path / "net.snn.onnx")
    again, x = load(tmp_path / "net.snn.onnx"), values(model, 7)
    assert np.array_equal(again(x, timesteps=4), snn(x, timesteps=4))
    assert again.defaults.ir_version == 2


def test_an_empty_sequence_is_refused() -> None:
    model = tagger("GRU")
    snn = convert(model, calibration=values(model, 5), adapt=False)
    with pytest.raises(InputError, match="the sequence that 'layer' reads is empty: give one position or more"):
        snn(values(model, 0))


def test_a_number_of_repetitions_that_the_input_says_is_refused() -> None:
    text = LOOP.replace("float[N,L,4] x)", "float[N,L,4] x, int64 m)", 1).replace("Loop(n,", "Loop(m,")
    with pytest.raises(UnsupportedError, match="the Loop node 'y' repeats as often as the input says: export with a"):
        spiking(parser.parse_model(text))


def test_a_condition_of_values_is_refused() -> None:
    text = COUNTER.replace("less = Less(g, f)", "r = ReduceMax<keepdims=0>(h)  less = Less(r, f)")
    with pytest.raises(UnsupportedError, match="the Loop node 'c' repeats as often as the input says"):
        spiking(parser.parse_model(text))


def test_a_free_recurrence_inside_another_is_refused() -> None:
    inner = """r, rs = Scan <num_scan_inputs = 1, body = inner (float[5] b, float[5] e) => (float[5] g, float[5] f)
      { l = Add(b, e)  g = Tanh(l)  f = Identity(g) }> (first, t)  u = Add(s, r)"""
    text = SCAN.replace("float[5,5] w", "float[5] first = {0,0,0,0,0}, float[5,5] w").replace("m = MatMul(s, w)", "")
    text = text.replace("a = Add(m, t)  u = Tanh(a)", inner)
    with pytest.raises(UnsupportedError, match="a free length lies inside the recurrence"):
        spiking(parser.parse_model(text))
