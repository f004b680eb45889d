"""Names are text and weights are whole, and lie inside, before anything is done with a model."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

from onnx2snn_runtime.errors import InputError, ModelError
from onnx2snn_runtime.ir.reading import check_contents, check_inside, tensors
from onnx2snn_runtime.ir.verify import read_model

NET = """<ir_version: 8, opset_import: ["" : 17]>
net (float[N, 2] x) => (float[N, 2] yy) <float[2] w = {1, 2}> { yy = Add(x, w) }"""


@pytest.fixture
def model() -> onnx.ModelProto:
    made = parser.parse_model(NET)
    made.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones(2, np.float32), "w"))
    return made


def test_weights_of_every_type_are_whole() -> None:
    for kind in TensorProto.DataType.values():
        if kind in (TensorProto.UNDEFINED, TensorProto.STRING):
            continue
        model = onnx.ModelProto()
        for size in (0, 1, 3, 4):
            values = np.zeros(size, helper.tensor_dtype_to_np_dtype(kind))
            model.graph.initializer.append(numpy_helper.from_array(values, "w"))
        check_contents(model, "m")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: setattr(t, "raw_data", b"1234567"), "has 7 bytes in place of 8"),
        (lambda t: setattr(t, "raw_data", b"123456789"), "has 9 bytes in place of 8"),
        (lambda t: t.ClearField("raw_data"), "has 0 numbers in place of 2"),
        (lambda t: t.dims.append(-3), r"has the shape \(2, -3\)"),
        (lambda t: t.dims.append(2**62), "has 8 bytes in place of"),
        (lambda t: setattr(t, "data_type", 99), "has the type 99, which is none"),
        (lambda t: setattr(t, "data_type", 0), "has the type 0, which is none"),
    ],
)
def test_weights_that_are_not_whole(model: onnx.ModelProto, change, sentence: str) -> None:  # type: ignore[no-untyped-def]
    change(model.graph.initializer[0])
    with pytest.raises(ModelError, match=rf"the weight 'w' of a.onnx {sentence}"):
        check_contents(model, "a.onnx")


@pytest.mark.parametrize("name", [b"yy", b"Add", b"net"])
def test_names_that_are_no_text(model: onnx.ModelProto, name: bytes, tmp_path) -> None:  # type: ignore[no-untyped-def]
    raw = model.SerializeToString()
    (tmp_path / "m.onnx").write_bytes(raw.replace(name, b"\xff\xfe\xfd"[: len(name)]))
    with pytest.raises(ModelError, match=r"m.onnx' holds a name that is no text, b'\\xff"):
        read_model(tmp_path / "m.onnx")


def test_weights_outside_are_refused_wherever_they_are(model: onnx.ModelProto) -> None:
    constant = helper.make_tensor("c", TensorProto.FLOAT, [1], [1.0])
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=constant))
    branch = helper.make_graph([], "b", [], [], [helper.make_tensor("s", TensorProto.FLOAT, [1], [1.0])])
    model.graph.node.append(helper.make_node("If", ["t"], ["z"], then_branch=branch, else_branch=branch))
    check_inside(model)
    for tensor in list(tensors(model)):
        tensor.data_location = TensorProto.EXTERNAL
        with pytest.raises(InputError, match=f"the weight '{tensor.name}' lies in a file beside the model"):
            check_inside(model)
        tensor.data_location = TensorProto.DEFAULT
