"""Samples anywhere: networks whose samples are not in front, or that have none, as people export them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

import onnx2snn
from onnx2snn.reference.ann import Ann
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.ir.batch import BatchAxes
from onnx2snn_runtime.model import SpikingModel

RNG = np.random.default_rng(0)
START = RNG.bit_generator.state
Arrays = dict[str, np.ndarray]


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    """Begin every test with the same random numbers."""
    RNG.bit_generator.state = START


def floats(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def make(text: str, /, **weights: Any) -> onnx.ModelProto:
    """Return the model `text`; weights are arrays, or shapes of random ones."""
    model = parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> g {text}')
    for name, value in weights.items():
        array = floats(*value) / max(1, int(np.prod(value[1:]))) ** 0.5 if isinstance(value, tuple) else value
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
    onnx.checker.check_model(model)
    return model


def plain(model: onnx.ModelProto, inputs: Mapping[str, np.ndarray]) -> Arrays:
    """Return what onnxruntime computes, all at once."""
    return Ann(model, axes=BatchAxes(joint=True))(inputs)


def gap(value: np.ndarray, expected: np.ndarray) -> float:
    assert value.shape == expected.shape
    return float(np.linalg.norm(value - expected) / (np.linalg.norm(expected) or 1.0))


def check(model: onnx.ModelProto, seen: Arrays, test: Arrays, **options: Any) -> SpikingModel:
    """Convert on `seen`, compare on `test`, all at once and in batches of 3; so must the saved file."""
    snn = onnx2snn.convert(model, seen, **options)
    expected = plain(model, test)
    for network in (snn, SpikingModel(snn.proto)):
        for size in (None, 3):
            found = network(test, timesteps=8, batch_size=size)
            found = found if isinstance(found, dict) else {network.program.outputs[0].name: found}
            for name, value in expected.items():
                assert gap(found[name], value) < 0.05, name
    return snn


def places(snn: SpikingModel) -> dict[str, Any]:
    return {**snn.program.axes.inputs, **snn.program.axes.outputs}


SCALARS = """(float[n,10] x, float temperature, int64 k, bool flip) => (float[n,6] y, float[n,3] e)
{ a = MatMul(x, w)  r = Relu(a)  b = MatMul(r, u)  c = Div(b, temperature)  kf = Cast<to = 1>(k)  d = Mul(c, kf)
  nd = Neg(d)  z = Where(flip, nd, d)  y = Softmax<axis = 1>(z)  s = Shape(x)  n1 = Slice(s, zero, one)
  to = Concat<axis = 0>(n1, three)  half = Constant<value_float = 0.5>()  ex = Expand(half, to)
  m1 = ReduceMax<axes = [1]>(r)  e = Mul(ex, m1) }"""


def test_inputs_of_no_dimension() -> None:
    whole = {name: np.array([n], np.int64) for name, n in (("zero", 0), ("one", 1), ("three", 3))}
    model = make(SCALARS, w=(10, 24), u=(24, 6), **whole)
    more = {"temperature": np.array(0.7, np.float32), "k": np.array(2, np.int64), "flip": np.array(False)}
    test = {"x": floats(8, 10), **more, "flip": np.array(True)}
    snn = check(model, {"x": floats(24, 10), **more}, test)
    assert places(snn) == {"x": 0, "temperature": None, "k": None, "flip": None, "y": 0, "e": 0}


def test_a_number_over_all_samples_runs_whole() -> None:
    model = make(
        "(float[n,10] x) => (float[n,6] y, float s) { a = MatMul(x, w)  r = Relu(a)  y = MatMul(r, u)"
        "  s = ReduceSum<keepdims = 0>(r) }",
        w=(10, 24), u=(24, 6),
    )  # fmt: skip
    snn = check(model, {"x": floats(24, 10)}, {"x": floats(8, 10)})
    assert snn.program.axes.joint
    assert any("the samples act on each other" in text and "'s'" in text for text in snn.conversion.warnings)


GRU = """(float[n,6,5] x, float[1,n,8] h) => (float[n,3] y, float[1,n,8] hn)
{ xt = Transpose<perm = [1, 0, 2]>(x)  o, hn = GRU<hidden_size = 8, linear_before_reset = 1>(xt, w, r, b, , h)
  f = Squeeze(hn, zero)  y = MatMul(f, u) }"""


@pytest.mark.parametrize("fixed", [False, True])
def test_states_with_their_batch_in_the_second_axis(fixed: bool) -> None:
    text = GRU.replace("[n,", "[1,").replace("[1,n,", "[1,1,") if fixed else GRU
    model = make(text, w=(1, 24, 5), r=(1, 24, 8), b=(1, 48), u=(8, 3), zero=np.array([0]))
    seen = {"x": floats(24, 6, 5), "h": 0.5 * floats(1, 24, 8)}
    snn = check(model, seen, {"x": floats(1, 6, 5), "h": floats(1, 1, 8)})
    assert places(snn) == {"x": 0, "h": 1, "y": 0, "hn": 1}
    free = make(GRU, **{t.name: numpy_helper.to_array(t) for t in model.graph.initializer})
    test = {"x": floats(7, 6, 5), "h": floats(1, 7, 8)}
    found = snn(test, timesteps=8, batch_size=3)
    assert {name: gap(found[name], value) < 0.05 for name, value in plain(free, test).items()} == {
        "y": True,
        "hn": True,
    }


VECTOR = "(float[16] x) => (float[4] y) { a = MatMul(x, w)  r = Relu(a)  y = MatMul(r, u) }"


@pytest.mark.parametrize("samples", [(), (24,)])
def test_a_vector_is_one_sample_and_many_have_a_new_axis(samples: tuple[int, ...]) -> None:
    model = make(VECTOR, w=(16, 24), u=(24, 4))
    snn = onnx2snn.convert(model, floats(*samples, 16))
    assert places(snn) == {"x": None, "y": None}
    assert snn.program.axes.single
    x = floats(5, 16)
    expected = np.stack([plain(model, {"x": one})["y"] for one in x])
    assert gap(snn(x[0], timesteps=8), expected[0]) < 0.05
    assert gap(snn(x, timesteps=8), expected) < 0.05
    assert gap(snn(x[:1], timesteps=8), expected[:1]) < 0.05
    run = snn.run(x, [2, 8], probes=["spikes"])
    assert next(iter(run.probes["spikes"].values())).shape == (8, 5, 24)


def test_several_inputs_without_a_batch() -> None:
    text = (
        "(float[4] x, float[8] h) => (float[8] hn) { a = MatMul(x, w)  b = MatMul(h, r)  c = Add(a, b)  hn = Tanh(c) }"
    )
    model = make(text, w=(4, 8), r=(8, 8))
    snn = onnx2snn.convert(model, {"x": floats(20, 4), "h": floats(20, 8)})
    x, h = floats(5, 4), floats(5, 8)
    for held in (h, h[0]):
        pairs = zip(x, np.broadcast_to(held, h.shape), strict=True)
        expected = np.stack([plain(model, {"x": a, "h": b})["hn"] for a, b in pairs])
        assert gap(snn({"x": x, "h": held}, timesteps=8), expected) < 0.05


def test_a_batch_of_one_whose_outputs_have_none() -> None:
    model = make(
        """(float[1,3,8,8] x) => (float[5] y, float loss)
        { a = Conv(x, w)  r = Relu(a)  f = Reshape(r, flat)  y = MatMul(f, u)  q = Mul(y, y)
          loss = ReduceSum<keepdims = 0>(q) }""",
        w=(4, 3, 3, 3), flat=np.array([-1]), u=(144, 5),
    )  # fmt: skip
    snn = check(model, {"x": floats(20, 3, 8, 8)}, {"x": floats(1, 3, 8, 8)})
    assert snn.conversion.warnings == ["the graph is fixed to a batch of 1: samples run one at a time"]
    x = floats(3, 3, 8, 8)
    found = snn(x, timesteps=8)
    expected = [plain(model, {"x": x[i : i + 1]}) for i in range(3)]
    assert gap(found["y"], np.stack([part["y"] for part in expected])) < 0.05
    assert gap(found["loss"], np.stack([part["loss"] for part in expected])) < 0.05


DETECTOR = """(float[1,3,8,8] x) => (float[k,4] boxes, float[1,6] scores)
{ c = Conv(x, w)  r = Relu(c)  p = GlobalAveragePool(r)  fl = Flatten(p)  scores = MatMul(fl, u)
  h = Conv(r, v)  hs = Reshape(h, flat)  ht = Transpose<perm = [1, 0]>(hs)  first = Slice(ht, zero, one, one)
  g = Greater(first, none)  gs = Squeeze(g, one)  nz = NonZero(gs)  at = Squeeze(nz, zero)  boxes = Gather(ht, at) }"""


def test_detections_that_none_of_the_data_has() -> None:
    whole = {"zero": np.array([0]), "one": np.array([1]), "flat": np.array([4, 36]), "none": np.float32(1e6)}
    snn = onnx2snn.convert(make(DETECTOR, w=(8, 3, 3, 3), u=(8, 6), v=(4, 8, 1, 1), **whole), floats(20, 3, 8, 8))
    assert places(snn) == {"x": 0, "boxes": "data", "scores": 0}
    assert [len(boxes) for boxes in snn(floats(3, 3, 8, 8))["boxes"]] == [0, 0, 0]


def test_detections_are_a_list_with_an_entry_a_sample() -> None:
    whole = {"zero": np.array([0]), "one": np.array([1]), "flat": np.array([4, 36]), "none": np.float32(0.5)}
    model = make(DETECTOR, w=(8, 3, 3, 3), u=(8, 6), v=(4, 8, 1, 1), **whole)
    x = floats(20, 3, 8, 8)
    snn = onnx2snn.convert(model, x, tolerance=1e-4)
    assert places(snn) == {"x": 0, "boxes": "data", "scores": 0}
    found = snn(x[:4], timesteps=16)
    expected = [plain(model, {"x": x[i : i + 1]})["boxes"] for i in range(4)]
    assert isinstance(found["boxes"], list)
    assert len({len(boxes) for boxes in expected}) > 1
    assert [gap(a, b) < 0.05 for a, b in zip(found["boxes"], expected, strict=True)] == [True] * 4
    assert found["scores"].shape == (4, 6)
    assert gap(snn(x[:1], timesteps=16)["boxes"], expected[0]) < 0.05


def test_time_in_front() -> None:
    model = make(
        "(float[t,n,6] x) => (float[n,4] y)"
        "{ a = MatMul(x, w)  r = Elu(a)  p = ReduceMean<axes = [0], keepdims = 0>(r)  y = MatMul(p, u) }",
        w=(6, 12), u=(12, 4),
    )  # fmt: skip
    snn = check(model, {"x": floats(9, 24, 6)}, {"x": floats(5, 8, 6)})
    assert places(snn) == {"x": 1, "y": 0}
    assert snn.conversion.calibration_samples == 24


STATISTICS = """(float[n,10] x) => (float[n,4] y)
{ a = MatMul(x, w)  r = Relu(a)  s = ReduceMean<axes = [0]>(r)  d = Sub(r, s)  e = Mul(d, d)
  v = ReduceMean<axes = [0]>(e)  q = Sqrt(v)  t = Div(d, q)  y = MatMul(t, u) }"""
SIMILAR = """(float[n,10] x) => (float[n,n] y)
{ a = MatMul(x, w)  r = Relu(a)  l = ReduceL2<axes = [1]>(r)  e = Max(l, least)  t = Div(r, e)  f = Transpose(t)
  y = MatMul(t, f) }"""


@pytest.mark.parametrize(
    ("text", "weights"),
    [(STATISTICS, {"w": (10, 16), "u": (16, 4)}), (SIMILAR, {"w": (10, 16), "least": np.array(1e-12, np.float32)})],
)
def test_samples_that_act_on_each_other_are_never_split(text: str, weights: dict[str, Any]) -> None:
    snn = check(make(text, **weights), {"x": floats(48, 10)}, {"x": floats(16, 10)})
    assert snn.program.axes.joint
    assert snn.conversion.relative_error < 0.01
    assert any("act on each other" in text for text in snn.conversion.warnings)
    assert snn(floats(6, 10), early_exit="settled").shape[0] == 6


@pytest.mark.parametrize(
    ("text", "joint"),
    [
        ("(float[n,10] x) => (float[n,4] y, float most) { MAIN  most = ReduceMax<keepdims = 0>(y) }", True),
        ("(float[n,10] x) => (float[n,4] y) { MAIN2  most = ReduceMax<keepdims = 0>(z)  y = Div(z, most) }", True),
        ("(float[n,10] x, float[1] rate) => (float[n,4] y) { MAIN2  y = Mul(z, rate) }", False),
        ("(float[1,10] x, float[1] rate) => (float[1,4] y) { MAIN2  y = Mul(z, rate) }", False),
        ("(float[n,10] x, float[4] rates) => (float[n,4] y) { MAIN2  y = Mul(z, rates) }", False),
    ],
)
def test_largest_of_all_and_inputs_of_one_number(text: str, joint: bool) -> None:
    main = "a = MatMul(x, w)  r = Sigmoid(a)  z = MatMul(r, u)"
    text = text.replace("MAIN2", main).replace("MAIN", main.replace("z =", "y ="))
    model = make(text, w=(10, 16), u=np.abs(floats(16, 4)))
    more = {v.name: np.abs(floats(*[d.dim_value for d in v.type.tensor_type.shape.dim])) for v in model.graph.input[1:]}
    count = 1 if "[1,10]" in text else 8
    snn = check(model, {"x": floats(24, 10), **more}, {"x": floats(count, 10), **more})
    assert snn.program.axes.joint == joint
    assert snn.program.axes.inputs == {"x": 0, **dict.fromkeys(more)}
    assert snn.defaults.batch == 0


CLIP = """(float[image_batch,12] pixels, int64[text_batch,5] ids)
=> (float[image_batch,text_batch] logits, float[image_batch,6] images, float[text_batch,6] texts)
{ a = MatMul(pixels, w)  r = Relu(a)  images = MatMul(r, u)  e = Gather(table, ids)  q = Elu(e)
  m = ReduceMean<axes = [1], keepdims = 0>(q)  texts = MatMul(m, v)  t = Transpose(texts)
  logits = MatMul(images, t) }"""


@pytest.mark.parametrize("counts", [(24, 5), (12, 12)])
def test_images_and_texts_of_different_number(counts: tuple[int, int]) -> None:
    model = make(CLIP, w=(12, 16), u=(16, 6), table=(30, 7), v=(7, 6))
    seen = {"pixels": floats(counts[0], 12), "ids": RNG.integers(0, 30, (counts[1], 5))}
    check(model, seen, {"pixels": floats(7, 12), "ids": RNG.integers(0, 30, (4, 5))})


GRAPH = """(float[nodes,5] x, float[nodes,nodes] adjacency) => (float[nodes,3] y)
{ a = MatMul(x, w)  b = MatMul(adjacency, a)  r = Relu(b)  c = MatMul(r, u)  y = MatMul(adjacency, c) }"""


@pytest.mark.parametrize(
    ("sizes", "shapes", "single"),
    [
        (("nodes", "nodes", "nodes"), ((9, 5), (9, 9), (7, 5), (7, 7)), True),
        (("9", "9", "9"), ((20, 9, 5), (9, 9), (9, 5), (9, 9)), True),
        (("n,9", "9", "n,9"), ((20, 9, 5), (9, 9), (4, 9, 5), (9, 9)), False),
        (("n,9", "n,9", "n,9"), ((20, 9, 5), (20, 9, 9), (4, 9, 5), (4, 9, 9)), False),
    ],
    ids=["free", "many of one graph", "shared", "own"],
)
def test_graphs(sizes: tuple[str, str, str], shapes: tuple[tuple[int, ...], ...], single: bool) -> None:
    text = GRAPH.replace("[nodes,5]", f"[{sizes[0]},5]").replace("[nodes,3]", f"[{sizes[2]},3]")
    text = text.replace("[nodes,nodes]", f"[{sizes[1]},{sizes[1].split(',')[-1]}]")
    x, adjacency, x1, adjacency1 = (floats(*shape) for shape in shapes)
    model = make(text, w=(5, 8), u=(8, 3))
    test = {"x": x1, "adjacency": np.abs(adjacency1) / 9}
    snn = check(model, {"x": x, "adjacency": np.abs(adjacency) / 9}, test)
    assert snn.program.axes.single == single


@pytest.mark.parametrize("names", [("n,s", "1,s"), ("?,?", "1,?")])
def test_positions_are_shared(names: tuple[str, str]) -> None:
    model = make(
        f"(int64[{names[0]}] ids, int64[{names[1]}] at) => (float[n,s,3] y)"
        "{ e = Gather(table, ids)  p = Gather(places, at)  c = Add(e, p)  a = MatMul(c, w)  r = Relu(a)"
        "  y = MatMul(r, u) }",
        table=(30, 5), places=(16, 5), w=(5, 8), u=(8, 3),
    )  # fmt: skip
    seen = {"ids": RNG.integers(0, 30, (20, 6)), "at": np.arange(6)[None]}
    snn = check(model, seen, {"ids": RNG.integers(0, 30, (5, 9)), "at": np.arange(9)[None]})
    assert places(snn) == {"ids": 0, "at": None, "y": 0}


def test_squeezed_outputs_whatever_the_number_of_samples() -> None:
    model = make(
        "(float[n,4,1] x) => (float[n] y)"
        "{ s = Squeeze(x)  a = MatMul(s, w)  r = Relu(a)  b = MatMul(r, u)  y = Squeeze(b) }",
        w=(4, 8), u=(8, 1),
    )  # fmt: skip
    snn = check(model, {"x": floats(32, 4, 1)}, {"x": floats(7, 4, 1)})  # batches of 3, 3 and 1
    x = floats(1, 4, 1)
    assert gap(snn(x, timesteps=8), plain(model, {"x": x})["y"]) < 0.05


def test_dimensions_of_minus_one() -> None:
    model = make("(float[n,4] x) => (float[n,8] y) { a = MatMul(x, w)  y = Relu(a) }", w=(4, 8))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = -1
    snn = onnx2snn.convert(model, floats(20, 4))
    assert snn(floats(5, 4)).shape == (5, 8)
    assert snn.program.inputs[0].shape == (0, 4)


@pytest.mark.parametrize("batch", ["1", "n"])
def test_a_class_token_and_a_shape_inside_do_not_fix_the_batch(batch: str) -> None:
    model = make(
        f"""(float[{batch},4,6] x) => (float[{batch},3] y)
        {{ c = Concat<axis = 1>(token, x)  q = MatMul(c, w)  k = Transpose<perm = [0, 2, 1]>(q)  s = MatMul(q, k)
          p = Softmax(s)  o = MatMul(p, c)  f = Reshape(o, flat)  r = Relu(f)  y = MatMul(r, u) }}""",
        token=(1, 1, 6), w=(6, 6), u=(30, 3), flat=np.array([1, 30]),
    )  # fmt: skip
    snn = onnx2snn.convert(model, floats(20, 4, 6))
    assert (snn.defaults.batch, snn.conversion.warnings) == (0, [])
    x = floats(3, 4, 6)
    expected = np.concatenate([plain(model, {"x": x[i : i + 1]})["y"] for i in range(3)])
    assert gap(snn(x, timesteps=8), expected) < 0.05


def test_what_is_asked_for_goes_first() -> None:
    text = "(float[n,m,4] x, float[m,4] z) => (float[n,m,8] y) { s = Add(x, z)  a = MatMul(s, w)  y = Relu(a) }"
    model, seen = make(text, w=(4, 8)), {"x": floats(6, 20, 4), "z": floats(20, 4)}
    assert places(onnx2snn.convert(model, seen, adapt=False)) == {"x": 0, "z": None, "y": 0}
    snn = onnx2snn.convert(model, seen, adapt=False, batch_axis={"x": 1, "z": 0})
    assert places(snn) == {"x": 1, "z": 0, "y": 1}
    test = {"x": floats(6, 7, 4), "z": floats(7, 4)}
    assert gap(snn(test, timesteps=8, batch_size=3), plain(model, test)["y"]) < 0.05
    single = onnx2snn.convert(model, seen, adapt=False, batch_axis={"x": None, "z": None})
    assert single.program.axes.single
    assert gap(single(test, timesteps=8), plain(model, test)["y"]) < 0.05


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"batch_axis": {"q": 0}}, "no input or output 'q' to give a batch axis: there are x, y"),
        ({"batch_axis": {"x": 4}}, "'x' has 1 axes, and no batch axis 4"),
        ({"batch_axis": {"x": -1}}, "the batch axis of 'x' is -1: give a number from 0 on, or none"),
        ({"shape": {"q": [1]}}, "there is no input 'q' to fix the shape of: there are x"),
        ({"shape": {"x": [1, 2]}}, r"the shape \(1, 2\) of 'x' has 2 axes, the model's input 1"),
        ({"shape": {"x": [4]}}, "axis 0 of 'x' is fixed to 16, and cannot be 4"),
        ({"shape": {"x": "16"}}, "the shape of 'x' is '16': give whole numbers"),
    ],
)
def test_what_cannot_be_asked_for(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        onnx2snn.convert(make(VECTOR, w=(16, 24), u=(24, 4)), floats(16), **options)


def test_other_numbers_of_samples_are_told_apart() -> None:
    model = make(GRU, w=(1, 24, 5), r=(1, 24, 8), b=(1, 48), u=(8, 3), zero=np.array([0]))
    with pytest.raises(InputError, match=r"differ in their number of samples: \{'x': 20, 'h': 5\}"):
        onnx2snn.convert(model, {"x": floats(20, 6, 5), "h": floats(1, 5, 8)})


def test_an_output_of_what_holds_no_samples_beside_a_batch_of_one() -> None:
    """A graph exported with a batch of 1, and a table beside the samples: the original has the output at every call."""
    text = """<ir_version: 8, opset_import: ["" : 17]>
        net (float[1, 4] x, float[1, 3] t) => (float[1, 4] y, float[1, 3] s)
        { h = MatMul(x, w)  y = Relu(h)  g = MatMul(t, v)  s = Tanh(g) }"""
    net = parser.parse_model(text)
    for name, value in (("w", floats(4, 4)), ("v", floats(3, 3))):
        net.graph.initializer.append(numpy_helper.from_array(value, name))
    x = {"x": floats(12, 4), "t": floats(1, 3)}
    snn = onnx2snn.convert(net, x, adapt=False)
    assert (snn.program.axes.inputs, snn.program.axes.outputs) == ({"x": 0, "t": None}, {"y": 0, "s": None})
    assert snn(x)["s"].shape == (1, 3)
