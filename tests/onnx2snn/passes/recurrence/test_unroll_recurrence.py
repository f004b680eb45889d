"""Recurrent operators become plain ones, which compute the same; what cannot be unrolled is refused."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper, parser

from onnx2snn.conversion import convert
from onnx2snn.passes.base import run_passes
from onnx2snn.passes.folding.fold_constants import fold_constants
from onnx2snn.passes.recurrence.unroll_recurrence import unroll_recurrence
from onnx2snn.pipeline import prepare
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.errors import UnsupportedError

STEPS, BATCH, SIZE, HIDDEN = 4, 3, 5, 6
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def recurrent(op: str, given: tuple[str, ...] = ("B",), lengths: bool = False, **attributes: Any) -> onnx.ModelProto:
    """Return a model of one recurrent node of a free batch size with random weights."""
    draw, gates = np.random.default_rng(1), GATES[op]
    d = 2 if attributes.get("direction") == "bidirectional" else 1
    first = attributes.get("layout", 0)
    weights = {
        "W": draw.normal(size=(d, gates * HIDDEN, SIZE)),
        "R": draw.normal(size=(d, gates * HIDDEN, HIDDEN)),
        "B": draw.normal(size=(d, 2 * gates * HIDDEN)),
        "P": draw.normal(size=(d, 3 * HIDDEN)),
    }
    names = ["X", "W", "R", "B", "lengths" if lengths else "", "h", "c", "P"]
    inputs = [n if n in ("X", "W", "R", "lengths", *given) else "" for n in names]
    inputs = inputs[: 8 if op == "LSTM" else 6]
    outputs = ["Y", "Y_h", "Y_c"][: 3 if op == "LSTM" else 2]
    node = helper.make_node(op, inputs, outputs, name="layer", hidden_size=HIDDEN, **attributes)
    kind = onnx.TensorProto.FLOAT
    shape = ["N", STEPS, SIZE] if first else [STEPS, "N", SIZE]
    ports = [helper.make_tensor_value_info("X", kind, shape)]
    for state in set(given) & {"h", "c"}:
        ports.append(helper.make_tensor_value_info(state, kind, ["N", d, HIDDEN] if first else [d, "N", HIDDEN]))
    if lengths:
        ports.append(helper.make_tensor_value_info("lengths", onnx.TensorProto.INT32, ["N"]))
    results = [helper.make_tensor_value_info(name, kind, None) for name in outputs]
    held = [numpy_helper.from_array(v.astype(np.float32), n) for n, v in weights.items() if n in inputs]
    graph = helper.make_graph([node], "net", ports, results, held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def values(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Return random inputs of `model`."""
    draw, made = np.random.default_rng(2), {}
    for port in model.graph.input:
        shape = [d.dim_value or BATCH for d in port.type.tensor_type.shape.dim]
        made[port.name] = draw.normal(size=shape).astype(np.float32)
    if "lengths" in made:
        made["lengths"] = np.array([4, 2, 1], np.int32)
    return made


def unrolled(model: onnx.ModelProto, recurrence: str = "auto") -> onnx.ModelProto:
    """Return `model` behind the pass."""
    work = prepare(model, recurrence=recurrence)
    run_passes([fold_constants, unroll_recurrence], work)
    onnx.checker.check_model(work.model, full_check=True)
    assert unroll_recurrence(work) == 0
    return work.model


def agree(model: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> None:
    """Check that `model` and its unrolled form give the same, and that nothing recurrent is left."""
    after = unrolled(model)
    assert not {n.op_type for n in after.graph.node} & {"LSTM", "GRU", "RNN", "Loop", "Scan"}

    def run(m: onnx.ModelProto) -> list[np.ndarray]:
        session = onnxruntime.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, inputs)

    for expected, got in zip(run(model), run(after), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
def test_every_direction(op, direction):
    model = recurrent(op, direction=direction)
    agree(model, values(model))


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
def test_without_biases_and_with_initial_states(op):
    model = recurrent(op, ("h", "c")[: 2 if op == "LSTM" else 1], direction="bidirectional")
    agree(model, values(model))


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
def test_sequences_that_end_early(op, direction):
    model = recurrent(op, lengths=True, direction=direction)
    agree(model, values(model))


def test_the_reset_of_a_gru_behind_its_matrix():
    model = recurrent("GRU", linear_before_reset=1, direction="bidirectional")
    agree(model, values(model))
    model = recurrent("GRU", ("B", "h"), linear_before_reset=1)
    agree(model, values(model))


def test_peepholes_and_a_coupled_gate():
    model = recurrent("LSTM", ("B", "P", "h", "c"))
    agree(model, values(model))
    model = recurrent("LSTM", ("B", "c", "h"), input_forget=1)
    agree(model, values(model))


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
def test_clipping(op):
    model = recurrent(op, clip=0.5)
    agree(model, values(model))


ACTIVATIONS = [
    {"activations": ["Relu"]},
    {"activations": ["HardSigmoid"], "activation_alpha": [0.3], "activation_beta": [0.4]},
    {"activations": ["LeakyRelu"], "activation_alpha": [0.3]},
    {"activations": ["ScaledTanh"], "activation_alpha": [0.3], "activation_beta": [0.4]},
    {"activations": ["Affine"], "activation_alpha": [0.3], "activation_beta": [0.4]},
    {"activations": ["Elu"], "activation_alpha": [0.5]},
    {"activations": ["Softsign"]},
]


@pytest.mark.parametrize("attributes", ACTIVATIONS, ids=lambda a: a["activations"][0])
def test_other_activations(attributes):
    model = recurrent("RNN", **attributes)
    agree(model, values(model))


def test_activations_by_direction():
    model = recurrent(
        "LSTM", direction="bidirectional", activations=["Sigmoid", "Tanh", "Relu", "HardSigmoid", "Softplus", "Tanh"]
    )
    agree(model, values(model))


LOOP = """<ir_version: 8, opset_import: ["" : 18]> net (float[N,2] x) => (float[N,2] y, float[K,N,2] z)
<int64 three = {3}, bool yes = {1}, float[2,2] w = {1,0.5,-1,0.25}> {
  y, z = Loop(three, yes, x) <body = body (int64 i, bool go, float[N,2] h) => (bool on, float[N,2] n, float[N,2] o) {
    on = Identity(go)  p = MatMul(h, w)  f = Cast<to=1>(i)  q = Add(p, f)  n = Tanh(q)  o = Neg(n) }> }"""
WHILE = """<ir_version: 8, opset_import: ["" : 18]> net (float[N,2] x) => (float[N,2] y)
<int64 zero={0}, bool yes={1}, int64 one={1}, int64 four={4}, int64 limit = {99}, float[2,2] w = {1,0.5,-1,0.25}> {
  k, y = Loop(limit, yes, zero, x) <body = body (int64 i, bool go, int64 c, float[N,2] h)
      => (bool on, int64 d, float[N,2] n) { d = Add(c, one)  on = Less(d, four)  p = MatMul(h, w)  n = Tanh(p) }> }"""
SCAN = """<ir_version: 8, opset_import: ["" : 18]> net (float[2,5] h, float[2,3,5] x) => (float[2,5] y, float[2,3,5] z)
{ y, z = Scan <num_scan_inputs = 1, scan_input_axes = [1], scan_output_axes = [1], scan_input_directions = [1],
  scan_output_directions = [1], body = body (float[2,5] s, float[2,5] t) => (float[2,5] u, float[2,5] v)
  { a = Add(s, t)  u = Tanh(a)  v = Identity(u) }> (h, x) }"""
IF = """<ir_version: 8, opset_import: ["" : 18]> net (float[N,2] x) => (float[N,2] y) <bool yes = {0}> {
  y = If (yes) <then_branch = a () => (float[N,2] p) { p = Relu(x) },
    else_branch = b () => (float[N,2] q) { q = Neg(x) }> }"""


@pytest.mark.parametrize("text", [LOOP, WHILE, SCAN], ids=["Loop", "while", "Scan"])
def test_loops(text):
    model = parser.parse_model(text)
    agree(model, values(model))


def test_the_branch_of_a_known_condition():
    model = parser.parse_model(IF)
    agree(model, values(model))
    assert "If" not in {node.op_type for node in unrolled(model).graph.node}


def test_a_condition_of_the_input_is_refused():
    text = IF.replace("float[N,2] x)", "float[N,2] x, bool yes)", 1).replace("<bool yes = {0}>", "")
    with pytest.raises(
        UnsupportedError, match="the condition of the If node 'y' depends on the inputs: export the branch"
    ):
        convert(parser.parse_model(text))


def test_a_recurrent_network_spikes():
    model = recurrent("LSTM", layout=0)
    model.graph.output[0].type.tensor_type.shape.dim.add()
    del model.graph.output[:]
    head = helper.make_node("Transpose", ["Y_h"], ["t"], perm=[1, 0, 2])
    model.graph.node.append(helper.make_node("Transpose", ["x"], ["X"], perm=[1, 0, 2]))
    model.graph.node.insert(0, model.graph.node.pop())
    model.graph.node.append(head)
    model.graph.node.append(helper.make_node("Flatten", ["t"], ["y"]))
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", 1, ["N", STEPS, SIZE]))
    model.graph.output.append(helper.make_tensor_value_info("y", 1, ["N", HIDDEN]))
    x = np.random.default_rng(0).normal(size=(24, STEPS, SIZE)).astype(np.float32)
    snn = convert(model, x, adapt=False)
    assert len(snn.program.populations) == 3 * STEPS - 3  # no forgetting at first; the last cell is in the output
    expected = run_ann(model, {"x": x}, 24)["y"]
    np.testing.assert_allclose(np.asarray(snn(x, timesteps=12)), expected, atol=0.01)


def test_all_that_cannot_be_unrolled_is_named_at_once():
    text = """<ir_version: 8, opset_import: ["" : 18]>
    net (float[T,N,2] x, int64 m) => (float[T,1,N,2] y, float[N,2] z) <float[1,2,2] w = {1,1,1,1}, bool yes = {1}> {
      y = RNN<hidden_size=2>(x, w, w)  v = RNN<hidden_size=2>(x, x, w)  f = ReduceMax<keepdims=0>(x)
      z = Loop(m, yes, f) <body = body (int64 i, bool go, float h) => (bool on, float n)
        { on = Identity(go) n = Tanh(h) }> }"""
    model = parser.parse_model(text.replace("=> (float[T,1,N,2] y, float[N,2] z)", "=> (float[T,1,N,2] y, float z)"))
    with pytest.raises(UnsupportedError) as caught:
        convert(model, recurrence="unrolled")
    message = str(caught.value)
    assert message.count("reads a sequence of unknown length") == 1
    assert "the RNN node 'v' has weights that are no constants: export with its weights fixed" in message
    assert "the Loop node 'z' repeats as often as the input says: export with a fixed number of repetitions" in message


def test_an_unknown_activation_is_refused():
    model = recurrent("RNN", activations=["Sine"])
    with pytest.raises(UnsupportedError, match="has the activation 'Sine', which has no operator"):
        unrolled(model)


def test_weights_from_the_input_are_refused():
    model = recurrent("RNN")
    model.graph.initializer.remove(model.graph.initializer[0])
    model.graph.input.append(helper.make_tensor_value_info("W", 1, [1, HIDDEN, SIZE]))
    with pytest.raises(UnsupportedError, match="has weights that are no constants"):
        unrolled(model)


def test_a_loop_without_an_end_is_refused(monkeypatch):
    monkeypatch.setattr("onnx2snn.passes.recurrence.unroll_loops.MOST", 16)
    text = WHILE.replace("{99}", "{9999999}").replace("four={4}", "four={9999999}")
    with pytest.raises(UnsupportedError, match="repeats more than 16 times"):
        unrolled(parser.parse_model(text))


def test_a_loop_that_never_runs_is_refused():
    with pytest.raises(UnsupportedError, match="never runs, and yet has results"):
        unrolled(parser.parse_model(LOOP.replace("three = {3}", "three = {0}")))


def test_a_loop_with_another_body_is_refused():
    model = parser.parse_model(LOOP)
    del model.graph.node[0].input[2:]
    work = prepare(model)
    with pytest.raises(UnsupportedError, match="the Loop node 'y' has a body that does not fit its inputs"):
        unroll_recurrence(work)


def test_a_scan_of_unknown_length_is_refused():
    text = SCAN.replace("float[2,3,5] x", "float[2,T,5] x").replace("float[2,3,5] z", "float[2,T,5] z")
    with pytest.raises(UnsupportedError, match=r"the Scan node .* reads a sequence of unknown length"):
        unrolled(parser.parse_model(text), "unrolled")


def test_other_offenders_are_named_with_them():
    text = """<ir_version: 8, opset_import: ["" : 18, "my" : 1]>
    net (float[T,N,2] x) => (float[T,1,N,2] y) <float[1,2,2] w = {1,1,1,1}> {
      y = RNN<hidden_size=2>(x, w, w)  z = my.Fancy(x) }"""
    with pytest.raises(UnsupportedError, match=r"my\.Fancy node 'z' has no .*'y' reads a sequence of unknown"):
        convert(parser.parse_model(text), recurrence="unrolled")


def test_what_is_inside_a_loop_is_checked_as_well():
    text = LOOP.replace("n = Tanh(q)", "n = my.Fancy(q)").replace('["" : 18]', '["" : 18, "my" : 1]')
    with pytest.raises(UnsupportedError, match=r"the my\.Fancy node"):
        convert(parser.parse_model(text))
