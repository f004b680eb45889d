"""The plain network, run by onnxruntime."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from onnx2snn.reference.ann import Ann, run_ann, split
from onnx2snn_runtime.errors import InputError, ModelError
from onnx2snn_runtime.ir import large


@pytest.fixture
def proto() -> onnx.ModelProto:
    model = parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17]>
        net (float[N, 3] x) => (float[N, 3] y, float s) { h = Add(x, w)  y = Relu(h)  s = ReduceSum<keepdims=0>(y) }"""
    )
    weight = numpy_helper.from_array(np.array([0.5, -1.0, 2.0], np.float32), "w")
    model.graph.initializer.append(weight)
    return model


def expected(x: np.ndarray) -> np.ndarray:
    return np.maximum(x + np.array([0.5, -1.0, 2.0], np.float32), 0)


X = np.linspace(-3, 3, 21, dtype=np.float32).reshape(7, 3)


def test_all_samples_run_in_batches(proto: onnx.ModelProto) -> None:
    np.testing.assert_array_equal(run_ann(proto, {"x": X}, 3, ["y"])["y"], expected(X))


def test_inner_values_can_be_read(proto: onnx.ModelProto) -> None:
    proto.graph.output.append(onnx.ValueInfoProto(name="h"))
    assert run_ann(proto, {"x": X}, 7, ["h"])["h"].shape == (7, 3)


def test_a_fixed_batch_is_filled_up_and_cut(proto: onnx.ModelProto) -> None:
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 4
    np.testing.assert_array_equal(run_ann(proto, {"x": X}, 1, ["y"], fixed=4)["y"], expected(X))


def test_floats_are_brought_to_the_width_of_the_model(proto: onnx.ModelProto) -> None:
    result = Ann(proto)({"x": X.astype(np.float64)})
    assert result["y"].dtype == np.float32
    assert result["s"].shape == ()


def test_large_models_go_through_a_file_and_stay_whole(proto: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "LARGEST_MESSAGE", 4)
    before = proto.SerializeToString()
    np.testing.assert_array_equal(run_ann(proto, {"x": X}, 7, ["y"])["y"], expected(X))
    assert proto.SerializeToString() == before


def test_cuda_falls_back_to_the_cpu_in_silence(proto: onnx.ModelProto, capfd: pytest.CaptureFixture[str]) -> None:
    assert Ann(proto, device="cuda").providers[-1] == "CPUExecutionProvider"
    assert capfd.readouterr() == ("", "")


def test_what_onnxruntime_refuses_is_one_sentence(proto: onnx.ModelProto, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ModelError, match="cannot run the model on these inputs: Got invalid dimensions"):
        Ann(proto)({"x": X[:, :2]})
    proto.graph.node[0].op_type = "Addd"
    with pytest.raises(ModelError, match=r"cannot load the model: .*Addd"):
        Ann(proto)
    assert capfd.readouterr() == ("", "")


def test_inputs_that_do_not_fit(proto: onnx.ModelProto) -> None:
    with pytest.raises(InputError, match="needs the input 'x'"):
        Ann(proto)({"z": X})
    with pytest.raises(InputError, match="batch size is 0"):
        run_ann(proto, {"x": X}, 0)
    with pytest.raises(InputError, match="no samples"):
        run_ann(proto, {"x": X[:0]}, 2)
    with pytest.raises(InputError, match="differ in their number of samples"):
        list(split({"x": X, "z": X[:2]}, 2))
