"""The contract: what is written is what is read, by graphsurgeon's import and export too."""

import json

import numpy as np
import onnx
import onnx_graphsurgeon as gs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from onnx2snn_runtime.errors import ModelError
from onnx2snn_runtime.ir.schema import (
    DOMAIN,
    IR_VERSION,
    ModelDefaults,
    NeuronAttributes,
    functions_of,
    is_neuron,
    opset_of,
    read_defaults,
    read_neuron,
    write_defaults,
    write_neuron,
)
from onnx2snn_runtime.model import SpikingModel
from tests.runtime.networks import CNN, CONTROL, proto, sample

SCALES = st.lists(st.integers(-20, 20), min_size=1, max_size=4).map(lambda e: np.exp2(e).astype(np.float32))


def neuron(model: onnx.ModelProto) -> onnx.NodeProto:
    return next(node for node in model.graph.node if is_neuron(node))


@settings(deadline=None, max_examples=30)
@given(
    scale=st.one_of(SCALES, SCALES.map(lambda s: s.reshape(-1, 1, 1)), st.just(np.array(0.25, np.float32))),
    levels=st.integers(1, 100),
    mantissa=st.integers(0, 23),
    maximum=st.floats(0, 1e6, width=32),
    rms=st.floats(0, 1e6, width=32),
)
def test_neuron_attributes_survive_graphsurgeon(
    scale: np.ndarray, levels: int, mantissa: int, maximum: float, rms: float
) -> None:
    model = proto(CNN)
    written = NeuronAttributes(1, scale, levels, mantissa, maximum, rms)
    write_neuron(neuron(model), written)
    copied = gs.export_onnx(gs.import_onnx(model), do_type_check=False)
    for read in (read_neuron(neuron(model)), read_neuron(neuron(copied))):
        np.testing.assert_array_equal(read.scale, scale)
        assert read.scale.shape == scale.shape
        assert (read.sources, read.levels, read.mantissa, read.maximum, read.rms) == (1, levels, mantissa, maximum, rms)


def test_graphsurgeon_keeps_functions_and_weights() -> None:
    model = proto(CONTROL)
    copied = gs.export_onnx(gs.import_onnx(model), do_type_check=False)
    assert functions_of(copied).keys() == functions_of(model).keys() == {"SpikingRelu", "SpikingTanh"}
    assert [(n.op_type, n.domain, n.name) for n in copied.graph.node] == [
        (n.op_type, n.domain, n.name) for n in model.graph.node
    ]


@pytest.mark.parametrize("batch", ["N", "3"])
def test_what_graphsurgeon_writes_runs_to_the_bit(batch: str) -> None:
    model = proto(CNN.replace("[N,", f"[{batch},"), batch=0 if batch == "N" else 3)
    for node in filter(is_neuron, model.graph.node):
        write_neuron(node, NeuronAttributes(1, np.full((4, 1, 1), 2.0, np.float32), levels=7, mantissa=2))
    copied = gs.export_onnx(gs.import_onnx(model), do_type_check=False)
    snn, again = SpikingModel(model), SpikingModel(copied)
    x = sample(snn, 5)["x"]
    assert again.defaults == snn.defaults
    np.testing.assert_array_equal(again(x, timesteps=3), snn(x, timesteps=3))
    del copied.graph.node[:]
    with pytest.raises(ModelError, match="is no spiking IR file"):
        read_defaults(copied)


def test_writing_replaces_and_leaves_other_attributes_alone() -> None:
    node = neuron(proto(CNN))
    node.attribute.append(helper.make_attribute("vendor", 7))
    for levels in (3, 5):
        write_neuron(node, NeuronAttributes(1, levels=levels))
    assert read_neuron(node).levels == 5
    names = set(NeuronAttributes.__dataclass_fields__) - {
        "onset",
        "dead_zone",
        "gradual",
    }  # written where they are not 0
    assert {a.name for a in node.attribute} == {*names, "vendor"}
    write_neuron(node, NeuronAttributes(1, onset=3))
    assert {a.name for a in node.attribute} == {*names, "vendor", "onset"}
    assert read_neuron(node).onset == 3
    write_neuron(node, NeuronAttributes(1))
    assert read_neuron(node).onset == 0
    write_neuron(node, NeuronAttributes(1, onset=3))
    write_neuron(node, NeuronAttributes(1, mantissa=4, levels=9), only=["mantissa"])
    assert (read_neuron(node).mantissa, read_neuron(node).levels, read_neuron(node).onset) == (4, 12, 3)


def test_neurons_that_cannot_be_read() -> None:
    node = neuron(proto(CNN))
    del node.attribute[:]
    with pytest.raises(ModelError, match="the neuron 'neuron_h' has no attribute 'sources': convert the model again"):
        read_neuron(node)
    node.attribute.append(helper.make_attribute("sources", 1))
    assert read_neuron(node) == NeuronAttributes(1, scale=read_neuron(node).scale)
    node.attribute.append(helper.make_attribute("scale", 2.0))
    with pytest.raises(ModelError, match="the attribute 'scale' of the neuron 'neuron_h' is no tensor"):
        read_neuron(node)
    del node.attribute[:]
    node.attribute.extend([helper.make_attribute("sources", 1), helper.make_attribute("levels", "many")])
    with pytest.raises(ModelError, match="the attribute 'levels' of the neuron 'neuron_h' is no number"):
        read_neuron(node)


def test_defaults_are_read_as_written() -> None:
    defaults = ModelDefaults(
        dynamics="signgd",
        dynamics_options={"a": 1, "b": [1, 2]},
        schedule_options={"initial": 0.15},
        encoder="float",
        spiking_inputs=("x", "z"),
        input_scales={"x": 0.5},
        timesteps=9,
        batch=3,
        producer='a "quoted" name',
        calibration={"samples": 3, "relative_error": None},
    )
    model = proto(CNN)
    helper.set_model_props(model, {"author": "someone"})
    write_defaults(model, ModelDefaults())
    write_defaults(model, defaults)
    assert read_defaults(model) == defaults
    assert {e.key: e.value for e in model.metadata_props}["author"] == "someone"
    assert opset_of(model) == 17


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("ir_version", None, "model.onnx is no spiking IR file: convert it first with 'onnx2snn convert'"),
        (
            "ir_version",
            str(IR_VERSION + 1),
            "is of spiking IR version 3, this onnx2snn reads up to 2: upgrade onnx2snn",
        ),
        ("ir_version", '"one"', "the metadata 'ir_version' of model.onnx"),
        ("timesteps", "{", "the metadata of model.onnx is damaged"),
        ("timesteps", '"many"', "the metadata 'timesteps' of model.onnx"),
        ("spiking_inputs", "3", "the metadata 'spiking_inputs' of model.onnx"),
        ("dynamics", "null", "the metadata 'dynamics' of model.onnx"),
    ],
)
def test_defaults_that_cannot_be_read(key: str, text: str | None, sentence: str) -> None:
    model = proto(CNN)
    props = {e.key: e.value for e in model.metadata_props}
    props.pop(f"onnx2snn.{key}")
    helper.set_model_props(model, props | ({} if text is None else {f"onnx2snn.{key}": text}))
    with pytest.raises(ModelError, match=sentence):
        read_defaults(model, "model.onnx")


def test_unknown_metadata_of_ours_is_left_out() -> None:
    model = proto(CNN)
    model.metadata_props.append(onnx.StringStringEntryProto(key="onnx2snn.later", value=json.dumps(1)))
    assert read_defaults(model) == ModelDefaults()
    assert DOMAIN == "onnx2snn"
