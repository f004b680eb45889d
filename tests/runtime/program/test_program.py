"""IR -> module: buffers, types, parts, and what is let go when."""

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper, parser

from onnx2snn_runtime.errors import ModelError, UnsupportedError
from onnx2snn_runtime.ir.schema import NeuronAttributes, is_neuron, write_neuron
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.program.ports import Port, ports
from onnx2snn_runtime.program.program import Program
from tests.runtime.networks import CNN, CONTROL, MLP, PRODUCT, network, proto, sample


def test_weights_are_buffers_and_nothing_trains() -> None:
    program = Program(proto(MLP))
    assert [tuple(b.shape) for name, b in program.named_buffers() if name != "anchor"] == [(4, 8), (8,), (8, 3)]
    assert list(program.parameters()) == []
    assert sorted(program.state_dict()) == ["0_w", "1_b", "2_u"]


def test_names_with_dots_and_slashes_stay_apart() -> None:
    model = proto("net (float[N, 2] x) => (float[N, 2] y) <float[2] a> { h = onnx2snn.SpikingRelu(x)  y = Add(h, a) }")
    model.graph.initializer[0].name = model.graph.node[1].input[1] = "layer.0/a"
    twin = numpy_helper.from_array(np.ones(2, np.float32), "layer_0/a")
    model.graph.initializer.append(twin)
    frame = Program(model).frame()
    assert frame.values["layer.0/a"].shape == frame.values["layer_0/a"].shape
    assert not torch.equal(frame.values["layer.0/a"], frame.values["layer_0/a"])


def test_parts_of_a_run() -> None:
    program = Program(proto(CONTROL))
    assert [item.outputs[0] for item in program.prologue] == ["e", "s"]
    assert [getattr(item, "output", None) or item.outputs[0] for item in program.loop] == ["h", "f", "g", "k"]
    assert [item.outputs[0] for item in program.tail] == ["y"]
    assert program.releases == [(), ("h",), ("f",), ("g",)]
    assert [p.name for p in program.populations] == ["neuron_h", "neuron_k"]


def test_what_outputs_read_is_not_let_go() -> None:
    program = Program(proto(PRODUCT))
    released = [name for names in program.releases for name in names]
    assert len(released) == len(set(released))
    assert "t" not in released
    text = CNN.replace("(float[N, 3] y)", "(float[N, 3] y, float[N, 4, 4, 4] h)")
    snn = network(text)
    assert set(snn(sample(snn, 2))) == {"y", "h"}


@pytest.mark.parametrize(
    ("kinds", "dtype"),
    [
        (("float", "float"), torch.float32),
        (("double", "double"), torch.float64),
        (("float16", "float16"), torch.float32),
        (("bfloat16", "bfloat16"), torch.float32),
        (("double", "float"), torch.float32),
    ],
)
def test_the_own_type_of_a_model(kinds: tuple[str, str], dtype: torch.dtype) -> None:
    first, second = kinds
    text = f"""net ({first}[N, 2] x) => ({first}[N, 2] y) <{second}[2] a>
    {{ c = CastLike(x, a)  h = onnx2snn.SpikingRelu(c)  s = Add(h, a)  y = CastLike(s, x) }}"""
    snn = network(text)
    assert snn.program.dtype == snn.program.wide == dtype
    assert all(b.dtype == dtype for b in snn.program.buffers())
    x = torch.tensor([[1.0, -1.0]], dtype=dtype)
    assert snn(x, timesteps=3).dtype == {"double": torch.float64, "float16": torch.float16}.get(first, dtype)


def test_half_precision_keeps_wide_estimates() -> None:
    snn = network(CNN).to(torch.float16)
    assert (snn.program.dtype, snn.program.wide) == (torch.float16, torch.float32)
    run = snn.run(sample(snn, 2), timesteps=2, probes=["values"])
    assert all(value.dtype == torch.float32 for value in run.probes["values"].values())


def test_integers_keep_their_type() -> None:
    snn = network(CONTROL.replace("{ e", "{ n = Size(x)  e"))
    assert snn(sample(snn, 2)).shape == (2, 4)
    model = proto(
        """net (float[N, 2] x) => (float[N, 2] y) <int64[1] axes = {1}>
        { h = onnx2snn.SpikingRelu(x)  s = Unsqueeze(h, axes)  y = Squeeze(s, axes) }"""
    )
    program = Program(model).to(torch.float16)
    assert program.frame().values["axes"].dtype == torch.int64


@pytest.mark.parametrize("shape", [(), (1,), (4, 1, 1), (4, 4, 4), (1, 4, 4, 4)])
def test_scales_of_every_shape(shape: tuple[int, ...]) -> None:
    model = proto(CNN, dyadic=True)
    for node in filter(is_neuron, model.graph.node):
        write_neuron(node, NeuronAttributes(1, np.full(shape, 4.0, np.float32)))
    expected, snn = network(CNN, dyadic=True), SpikingModel(model)
    x = sample(snn, 2, dyadic=True)
    for executor in ("step", "event", "layer"):
        np.testing.assert_array_equal(snn(x, executor=executor), expected(x))


def test_scales_work_neuron_by_neuron() -> None:
    snn = network("net (float[N, 3] x) => (float[N, 3] y) { h = onnx2snn.SpikingRelu(x)  y = Neg(h) }")
    snn.set_population("neuron_h", scale=np.array([1, 0.25, 4], np.float32), levels=1, mantissa=0)
    run = snn.run(np.ones((1, 3), np.float32), timesteps=1, probes=["spikes"])
    assert run.probes["spikes"]["neuron_h"].tolist() == [[[1.0, 0.25, 0.0]]]


def test_ports() -> None:
    model = proto(CONTROL)
    model.graph.input.append(helper.make_tensor_value_info("table", onnx.TensorProto.FLOAT, [5, 4]))  # IR version 3
    assert ports(model) == (Port("x", 1, (0, 4)), Port("i", 7, (0,)), Port("m", 1, (0, 4)))
    model.graph.input.append(helper.make_empty_tensor_value_info("q"))
    model.graph.input[-1].type.sequence_type.elem_type.tensor_type.elem_type = 1
    with pytest.raises(UnsupportedError, match="'q' is no tensor: only tensors can be inputs and outputs"):
        ports(model)


def test_models_that_are_no_networks() -> None:
    plain = parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> n (float[N] x) => (float[N] y) { y = Relu(x) }'
    )
    with pytest.raises(ModelError, match=r"a\.onnx is no spiking IR file: convert it first"):
        Program(plain, "a.onnx")
    model = proto(MLP)
    model.functions[0].node[0].op_type = "Magic"
    with pytest.raises(UnsupportedError, match="the function SpikingRelu of the model holds a Magic node"):
        Program(model)


def test_a_function_of_another_opset_computes_its_own_meaning() -> None:
    text = "net (float[N, 2, 2] x) => (float[N, 2, 2] y) { h = onnx2snn.SpikingTanh(x)  y = Neg(h) }"
    models = [proto(text) for _ in range(2)]
    for model, opset in zip(models, (11, 13), strict=True):
        model.functions[0].node[0].op_type = "Softmax"  # up to opset 12 over all axes from 1 on
        model.functions[0].opset_import[0].version = opset
    x = np.zeros((1, 2, 2), np.float32)
    old, new = (SpikingModel(model)(x, timesteps=8) for model in models)
    np.testing.assert_allclose(-old, 0.25, atol=1e-3)
    np.testing.assert_allclose(-new, 0.5, atol=1e-3)


def test_scales_that_handlers_take_as_numbers_are_on_the_host() -> None:
    text = """net (float[N, 2, 3, 3] x) => (float[N, 2, 6, 6] y) <float[4] scales = {1, 1, 2, 2}, float[2, 1, 1] b>
    { h = onnx2snn.SpikingRelu(x)  z = Add(h, b)  y = Resize<mode = "nearest">(z, , scales) }"""
    program = Program(proto(text))
    assert program.frame().host == {"scales": [1.0, 1.0, 2.0, 2.0]}
    assert program.to(torch.float64).frame().host == {"scales": [1.0, 1.0, 2.0, 2.0]}
