"""Every rule of the verifier, broken, names the first node that breaks it; files that are no models are refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from onnx2snn_runtime.errors import InputError, ModelError
from onnx2snn_runtime.ir.schema import NeuronAttributes, is_neuron, read_neuron, write_neuron
from onnx2snn_runtime.ir.verify import read_model, verify
from tests.runtime.networks import CNN, CONTROL, PRODUCT, proto

Break = Callable[[onnx.ModelProto, onnx.NodeProto], object]


def change(**parameters: object) -> Break:
    def apply(model: onnx.ModelProto, node: onnx.NodeProto) -> None:
        fields = {name: getattr(read_neuron(node), name) for name in NeuronAttributes.__dataclass_fields__}
        write_neuron(node, NeuronAttributes(**(fields | parameters)))

    return apply


RULES: dict[str, tuple[Break, str]] = {
    "two outputs": (lambda m, n: n.output.append("more"), "has 2 outputs, a population has one"),
    "no output": (
        lambda m, n: n.output.pop(),
        "the SpikingRelu node 'neuron_g' of the model has no output: the file is",
    ),
    "no sources": (change(sources=0), "has 0 sources among 1 inputs"),
    "many sources": (change(sources=2), "has 2 sources among 1 inputs"),
    "scale 0": (change(scale=np.zeros(())), "the scale of the neuron 'neuron_g' is not positive and finite"),
    "scale NaN": (change(scale=np.array([1, np.nan])), "scale of the neuron 'neuron_g' is not positive"),
    "scale inf": (change(scale=np.array(np.inf)), "scale of the neuron 'neuron_g' is not positive"),
    "no scale": (change(scale=np.zeros(0)), "scale of the neuron 'neuron_g'"),
    "levels": (change(levels=0), "has levels 0, mantissa 1"),
    "mantissa": (change(mantissa=-1), "has levels 12, mantissa -1"),
    "mantissa 24": (change(mantissa=24), "has levels 12, mantissa 24"),
    "maximum": (change(maximum=np.inf), "has a maximum of inf"),
    "no function": (lambda m, n: setattr(n, "op_type", "SpikingX"), "has no function onnx2snn.SpikingX: convert"),
    "inputs": (lambda m, n: n.input.append("x"), "has 2 inputs, its function 1"),
    "sources missing": (lambda m, n: n.attribute.pop(0), "no attribute 'sources'"),
}


@pytest.mark.parametrize("rule", RULES)
def test_rules(rule: str) -> None:
    model = proto(CNN)
    verify(model)
    damage, sentence = RULES[rule]
    second = [node for node in model.graph.node if is_neuron(node)][1]
    damage(model, second)
    with pytest.raises(ModelError, match=sentence) as caught:
        verify(model)
    assert "'neuron_g'" in str(caught.value)


def test_the_first_of_two_faults_is_named() -> None:
    model = proto(CNN)
    for node in filter(is_neuron, model.graph.node):
        change(levels=0)(model, node)
    with pytest.raises(ModelError, match="'neuron_h' has levels 0"):
        verify(model)


def test_functions() -> None:
    model = proto(PRODUCT)
    function = next(f for f in model.functions if f.name == "SpikingMul")
    function.node[0].input[1] = "x"
    with pytest.raises(ModelError, match="the function SpikingMul of 'neuron_t' does not use its input 'z'"):
        verify(model)
    function.node[0].input[1] = "z"
    function.output.append("x")
    with pytest.raises(ModelError, match="the function SpikingMul of 'neuron_t' has 2 outputs, it needs one"):
        verify(model)


def test_whole_models() -> None:
    model = proto(CNN)
    plain = [node for node in model.graph.node if not is_neuron(node)]
    del model.graph.node[:]
    model.graph.node.extend(plain)
    with pytest.raises(ModelError, match=r"net.onnx holds no neuron: convert a model with a nonlinearity"):
        verify(model, "net.onnx")
    del model.metadata_props[:]
    with pytest.raises(ModelError, match=r"net\.onnx is no spiking IR file: convert it first"):
        verify(model, "net.onnx")


def test_duplicate_names() -> None:
    model = proto(CNN)
    for node in filter(is_neuron, model.graph.node):
        node.name = "same"
    with pytest.raises(ModelError, match="two neurons are called 'same'"):
        verify(model)


def test_opset_that_is_not_imported() -> None:
    model = proto(CONTROL)
    model.graph.node.append(helper.make_node("Magic", ["k"], ["w2"], domain="vendor", name="m"))
    with pytest.raises(ModelError, match="Magic node 'm'"):
        verify(model)


def test_files_that_are_no_models(tmp_path: Path) -> None:
    whole = proto(CNN).SerializeToString()
    cases = {
        "missing": (None, "there is no file '.*missing': check the path"),
        "empty": (b"", "empty' holds no ONNX graph with nodes"),
        "text": (b"hello, this is no model at all\n", "text' is no ONNX file"),
        "truncated": (whole[: len(whole) // 2], "truncated' is no ONNX file, or a truncated one"),
        "random": (np.random.default_rng(0).bytes(2000), "random' is no ONNX file"),
    }
    for name, (content, sentence) in cases.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=sentence):
            read_model(tmp_path / name)
    with pytest.raises(InputError, match="there is no file"):
        read_model(tmp_path)
    (tmp_path / "good").write_bytes(whole)
    assert read_model(str(tmp_path / "good")) == proto(CNN)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("net.pt", "net.pt' is no ONNX file but one of PyTorch: .* export it with torch.onnx.export"),
        ("net.keras", "is no ONNX file but one of Keras: .* tf2onnx"),
        ("net.tflite", "is no ONNX file but one of TensorFlow"),
        ("net.joblib", "is no ONNX file but a pickled object: .* skl2onnx"),
        ("test.NPZ", "is no ONNX file but one of data: give the ONNX file of the network"),
    ],
)
def test_files_of_other_kinds(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 of another kind")
    with pytest.raises(InputError, match=sentence):
        read_model(tmp_path / name)


def test_a_model_under_any_name(tmp_path: Path) -> None:
    (tmp_path / "net.bin").write_bytes(proto(CNN).SerializeToString())
    assert read_model(tmp_path / "net.bin") == proto(CNN)


def test_every_truncation_is_refused_or_a_model_that_verify_refuses(tmp_path: Path) -> None:
    whole, file = proto(CNN).SerializeToString(), tmp_path / "cut"
    for size in range(0, len(whole), 97):
        file.write_bytes(whole[:size])
        with pytest.raises((InputError, ModelError)):
            verify(read_model(file))


def test_external_data_that_is_missing(tmp_path: Path) -> None:
    onnx.save(proto(CNN), str(tmp_path / "a.onnx"), save_as_external_data=True, location="a.data", size_threshold=0)
    assert read_model(tmp_path / "a.onnx").graph.initializer[0].raw_data
    (tmp_path / "a.data").unlink()
    with pytest.raises(
        InputError, match=r"the weights beside '.*a\.onnx' cannot be read .*: keep them in the same folder"
    ):
        read_model(tmp_path / "a.onnx")
