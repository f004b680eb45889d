"""Damaged IR files: each is refused in one sentence, when it is loaded or, where only data can tell, when it runs."""

import json
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnx2snn_runtime.errors import ModelError, Onnx2SnnError
from onnx2snn_runtime.ir.schema import DOMAIN, is_neuron
from onnx2snn_runtime.model import SpikingModel
from tests.fuzz.mutations import mutate
from tests.runtime.networks import LAYERS, MLP, network, proto, sample

Damage = Callable[[onnx.ModelProto], object]


def neuron(model: onnx.ModelProto) -> onnx.NodeProto:
    return next(node for node in model.graph.node if is_neuron(node))


def attribute(model: onnx.ModelProto, name: str) -> onnx.AttributeProto:
    return next(a for a in neuron(model).attribute if a.name == name)


def setting(name: str, value: object) -> Damage:
    """Return what writes `value` into the metadata; text is written as it is."""

    def apply(model: onnx.ModelProto) -> None:
        entry = next(e for e in model.metadata_props if e.key == f"onnx2snn.{name}")
        entry.value = value if isinstance(value, str) else json.dumps(value)

    return apply


def initializer(**fields: object) -> Damage:
    def apply(model: onnx.ModelProto) -> None:
        for name, value in fields.items():
            setattr(model.graph.initializer[0], name, value)

    return apply


TENSORS: dict[str, tuple[Damage, str]] = {
    "size": (initializer(raw_data=b"\0" * 12), "the weight 'w' of f has 12 bytes in place of 128"),
    "no type": (initializer(data_type=0), "the weight 'w' of f has the type 0, which is none"),
    "type": (initializer(data_type=99), "the weight 'w' of f has the type 99"),
    "dimension": (lambda m: m.graph.initializer[0].dims.insert(0, -1), r"the weight 'w' of f has the shape \(-1"),
    "beside": (initializer(data_location=TensorProto.EXTERNAL), "the weight 'w' of f lies in a file beside the model"),
    "twice": (lambda m: m.graph.initializer.append(m.graph.initializer[0]), "f holds two weights of one name"),
    "scale": (
        lambda m: setattr(attribute(m, "scale").t, "raw_data", b"\0" * 3),
        "the weight 'scale' of f has 3 bytes in place of 4",
    ),
    "scale type": (lambda m: setattr(attribute(m, "scale").t, "data_type", 77), "has the type 77, which is none"),
    "input": (
        lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 99),
        "'x' of f has the element type 99",
    ),
    "text": (lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 8), "'x' of f has the element type 8"),
}
NAMES: dict[str, tuple[Damage, str]] = {
    "read": (
        lambda m: m.graph.node[0].input.__setitem__(0, "no"),
        "Gemm node 'a' of f reads 'no', which nothing makes",
    ),
    "late": (lambda m: m.graph.node.insert(0, m.graph.node[-1]), "MatMul node 'y' of f reads 'h', which nothing makes"),
    "twice": (
        lambda m: m.graph.node.append(m.graph.node[0]),
        "the Gemm node 'a' of f makes 'a', which is there already",
    ),
    "output": (lambda m: setattr(m.graph.output[0], "name", "no"), "the output 'no' of f is made by nothing"),
    "none": (lambda m: m.graph.ClearField("output"), "f has no output"),
    "nothing": (lambda m: m.graph.node[0].ClearField("output"), "the Gemm node '' of f has no output"),
    "body": (lambda m: m.functions[0].node[0].input.__setitem__(0, "no"), "the function 'SpikingRelu' of f reads 'no'"),
    "made": (
        lambda m: m.functions[0].output.__setitem__(0, "no"),
        "'no' of the function 'SpikingRelu' of f is made by",
    ),
    "omitted": (lambda m: neuron(m).input.__setitem__(0, ""), "the neuron 'neuron_h' leaves an input out"),
    "bytes": (
        lambda m: m.ParseFromString(m.SerializeToString().replace(b"neuron_h", b"neuron\xff\xfe")),
        "f holds a name that is no text",
    ),
}
RULES: dict[str, tuple[Damage, str]] = {
    "inputs": (lambda m: m.graph.node[-1].ClearField("input"), "f breaks the rules of ONNX at the MatMul node ''"),
    "attribute": (
        lambda m: m.graph.node[0].attribute.append(helper.make_attribute("transB", "x")),
        r"f breaks the rules of ONNX at the Gemm node '' \(Mismatched attribute type",
    ),
    "body": (
        lambda m: m.functions[0].node[0].attribute.append(helper.make_attribute("a", 1)),
        "the function 'SpikingRelu' of f breaks the rules of ONNX at the Relu node",
    ),
    "operator": (lambda m: setattr(m.graph.node[0], "op_type", "Jemm"), "No Op registered for Jemm"),
}
SETTINGS: dict[str, tuple[Damage, str]] = {
    "json": (setting("timesteps", "{"), "the metadata of f is damaged"),
    "deep": (setting("calibration", "[" * 100_000), "the metadata of f is damaged"),
    "digits": (setting("timesteps", "9" * 5000), "the metadata of f is damaged"),
    "true": (setting("timesteps", True), r"the metadata 'timesteps' of f is damaged \(True\)"),
    "no steps": (setting("timesteps", 0), r"the metadata 'timesteps' of f is out of range \(0\)"),
    "steps": (setting("timesteps", 10**9), r"the metadata 'timesteps' of f is out of range \(1000000000\)"),
    "version": (setting("ir_version", -1), r"the metadata 'ir_version' of f is out of range \(-1\)"),
    "batch": (setting("batch", -4), "the metadata 'batch' of f is out of range"),
    "batch that no input has": (setting("batch", 2**31 - 1), "the metadata 'batch' of f is out of range"),
    "settings": (setting("settings", {"spikes": 7}), "the metadata 'settings' of f is out of range"),
    "delay": (setting("delay", 7), "the metadata 'delay' of f is out of range"),
    "input": (setting("spiking_inputs", ["no"]), "the metadata 'spiking_inputs' of f is out of range"),
    "inputs": (setting("spiking_inputs", [["x"]]), "the metadata 'spiking_inputs' of f is out of range"),
    "endless": (setting("schedule_options", {"rate": 10**400}), "the metadata 'schedule_options' of f is out of range"),
    "scales": (setting("input_scales", {"x": float("nan")}), "the metadata 'input_scales' of f is out of range"),
    "options": (setting("dynamics_options", {"levels": [1]}), "the metadata 'dynamics_options' of f is out of range"),
    "schedule": (setting("schedule_options", {"decay": "x"}), "the metadata 'schedule_options' of f is out of range"),
    "key": (
        lambda m: m.ParseFromString(m.SerializeToString().replace(b"onnx2snn.timesteps", b"onnx2snn.\xffimesteps")),
        "f holds a name that is no text",
    ),
    "levels": (
        lambda m: setattr(attribute(m, "levels"), "i", 2**62),
        "the neuron 'neuron_h' has levels 4611686018427387904",
    ),
    "sources": (
        lambda m: setattr(attribute(m, "sources"), "type", onnx.AttributeProto.FLOAT),
        "data field mismatch in attribute sources",
    ),
    "rms": (lambda m: setattr(attribute(m, "rms"), "f", float("nan")), "a root mean square of nan"),
    "valueless": (
        lambda m: setattr(attribute(m, "rms"), "type", 0),
        "data field mismatch in attribute rms",
    ),
}
TABLES = {"tensor": TENSORS, "name": NAMES, "rule": RULES, "setting": SETTINGS}
ALL = {f"{part}: {name}": case for part, table in TABLES.items() for name, case in table.items()}


@pytest.mark.parametrize("case", ALL)
def test_what_is_damaged_is_not_loaded(case: str) -> None:
    damage, sentence = ALL[case]
    model = proto(MLP)
    damage(model)
    with pytest.raises(ModelError, match=sentence) as caught:
        SpikingModel(model, "f")
    assert "\n" not in str(caught.value)


def test_a_scale_that_does_not_broadcast_is_found_where_the_shape_is_known() -> None:
    model = proto(MLP)
    attribute(model, "scale").t.CopyFrom(numpy_helper.from_array(np.ones((1, 3), np.float32)))
    snn = SpikingModel(model)
    sentence = r"the scale of the neuron 'neuron_h' has the shape \(1, 3\), which does not fit its outputs \[batch, 8\]"
    for executor in ("layer", "step", "event"):
        with pytest.raises(ModelError, match=sentence):
            snn(sample(snn, 2), executor=executor)


def test_a_scale_of_more_axes_than_the_outputs() -> None:
    model = proto(MLP)
    attribute(model, "scale").t.CopyFrom(numpy_helper.from_array(np.ones((1, 1, 1, 8), np.float32)))
    snn = SpikingModel(model)
    with pytest.raises(ModelError, match=r"has the shape \(1, 1, 1, 8\), which does not fit its outputs"):
        snn(sample(snn, 2))


def test_an_attribute_that_is_no_text_is_named() -> None:
    model = proto(MLP)
    model.functions[0].node[0].op_type = "Gelu"
    model.functions[0].opset_import[0].version = 20
    model.functions[0].node[0].attribute.add(name="approximate", type=onnx.AttributeProto.STRING, s=b"\xff\xfe")
    with pytest.raises(
        ModelError, match=r"the attribute 'approximate' of a node of .*function SpikingRelu.* is no text"
    ):
        SpikingModel(model, "f")


def test_names_that_nothing_knows_are_found_by_a_run() -> None:
    for name, sentence in (("dynamics", "'null'"), ("encoder", "'null'"), ("schedule", "'null'")):
        model = proto(MLP)
        setting(name, '"null"')(model)
        snn = SpikingModel(model)
        with pytest.raises(Onnx2SnnError, match=sentence):
            snn(sample(snn, 2))


@pytest.mark.filterwarnings("ignore::onnx2snn_runtime.errors.NotFiniteWarning")
@pytest.mark.parametrize("name", LAYERS)
def test_random_damage_is_a_sentence(name: str) -> None:
    """Of every change some are harmless; whatever is not is an Onnx2SnnError."""
    whole, draw = proto(LAYERS[name]), np.random.default_rng(len(name))
    x, refused = sample(SpikingModel(whole), 3), 0
    for _ in range(60):
        model = mutate(whole, draw)
        if draw.random() < 0.4:
            content = bytearray(model.SerializeToString())
            content[int(draw.integers(len(content)))] = int(draw.integers(256))
            try:
                model = onnx.ModelProto.FromString(bytes(content))
            except Exception:  # noqa: BLE001 - protobuf's own, of whatever class: the file is not read at all
                continue
        try:
            SpikingModel(model).run(x, 2)
        except Onnx2SnnError:
            refused += 1
    assert refused > 20


def test_a_function_that_gives_no_numbers_is_named_by_a_run() -> None:
    model = proto("net (float[N, 4] x) => (float[N, 4] h) { h = onnx2snn.SpikingRelu(x) }")
    body = f'<domain: "{DOMAIN}", opset_import: ["" : 17]> SpikingRelu (x) => (y) {{ y = IsNaN(x) }}'
    model.functions[0].CopyFrom(onnx.parser.parse_function(body))
    for executor in ("layer", "step", "event"):
        with pytest.raises(ModelError, match="the function of the neuron 'neuron_h' gives bool numbers, where neurons"):
            SpikingModel(model)(np.ones((3, 4), np.float32), timesteps=1, executor=executor)


def test_a_clip_whose_bounds_are_no_single_numbers_is_no_clamp() -> None:
    text = """net (float[N, 4] x) => (float[N, 4] y) <float[4] c, float[1] d>
    { h = onnx2snn.SpikingClip(x, c, d)  y = Neg(h) }"""
    snn, x = network(text), np.ones((3, 4), np.float32)
    low, high = (numpy_helper.to_array(tensor) for tensor in snn.proto.graph.initializer)
    np.testing.assert_allclose(snn(x, timesteps=16), -np.minimum(np.maximum(x, low), high), rtol=2e-3)
