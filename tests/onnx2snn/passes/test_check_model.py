"""What cannot be converted is named, all of it at once, before anything is rewritten."""

import onnx
import pytest

from onnx2snn.passes.check_model import check_model, has_body, refusals
from onnx2snn_runtime.errors import InputError, UnsupportedError
from tests.onnx2snn.passes.rewriting import model, work_on
from tests.runtime.networks import MLP, proto

FINE = "net (float[N, 4] x) => (float[N, 4] y) { a = Relu(x)  y = Gelu(a) }"


def with_nodes(*nodes: onnx.NodeProto) -> onnx.ModelProto:
    made = model(FINE, opset=20)
    made.graph.node.extend(nodes)
    return made


def test_a_model_that_can_be_converted() -> None:
    work = work_on(model(FINE, opset=20))
    before = work.model.SerializeToString()
    assert check_model(work) == 0
    assert work.model.SerializeToString() == before


def test_every_node_is_named_at_once() -> None:
    make = onnx.helper.make_node
    work = work_on(
        with_nodes(
            make("Magic", ["y"], ["m"], name="first", domain="com.example"),
            make("TreeEnsembleClassifier", ["y"], ["t"], name="tree", domain="ai.onnx.ml"),
            make("StringNormalizer", ["y"], ["s"], name="words"),
        )
    )
    with pytest.raises(UnsupportedError) as caught:
        check_model(work)
    sentence = str(caught.value)
    assert sentence.startswith("net.onnx cannot be converted: ")
    for part in (
        "the com.example.Magic node 'first' has no spiking form: replace it by standard operators before the export",
        "the StringNormalizer node 'words' has no spiking form: replace it by standard operators before the export",
        "the TreeEnsembleClassifier node 'tree' is a tree ensemble, which is no neural network",
    ):
        assert part in sentence
    assert sentence.count(";") == 2


def test_ports_that_are_no_tensors_or_strings() -> None:
    made = model(FINE, opset=20)
    made.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.STRING
    made.graph.output[0].type.sequence_type.elem_type.tensor_type.elem_type = 1
    found = refusals(work_on(made))
    assert found == [
        "the input 'x' is of strings: export the numerical part of the model alone",
        "'y' is no tensor: export with tensors as inputs and outputs",
    ]


def test_nodes_of_constants_are_computed_whatever_they_are() -> None:
    text = """net (float[N, 2] x) => (float[N, 2] y) <int64[1] one = {1}>
    { s = SequenceEmpty()  n = NonZero(one)  y = Relu(x) }"""
    made = model(text)
    assert not [sentence for sentence in refusals(work_on(made)) if "NonZero" in sentence]


def test_local_functions_are_known() -> None:
    functions = '<domain: "my", opset_import: ["" : 17]> Block (x) => (y) { y = Relu(x) }'
    made = model("net (float[N] x) => (float[N] y) { y = my.Block(x) }", functions=functions)
    assert refusals(work_on(made)) == []


def test_a_spiking_file_is_refused() -> None:
    with pytest.raises(InputError, match=r"net\.onnx is a spiking IR file already: run it with 'onnx2snn run'"):
        check_model(work_on(proto(MLP)))


def test_has_body() -> None:
    assert has_body("Gelu", 20)
    assert has_body("Softmax", 17)
    assert not has_body("Conv", 17)
    assert not has_body("Magic", 17)


@pytest.mark.parametrize(
    ("node", "inputs"),
    [("RandomNormal", []), ("RandomUniformLike", ["a"]), ("Bernoulli", ["a"]), ("Multinomial", ["a"])],
)
def test_random_numbers_are_refused_by_name(node: str, inputs: list[str]) -> None:
    work = work_on(with_nodes(onnx.helper.make_node(node, inputs, ["r"], name="dice")))
    found = (
        f"the {node} node 'dice' draws random numbers, so that no two runs would agree: export the model for inference"
    )
    with pytest.raises(UnsupportedError, match=found):
        check_model(work)
