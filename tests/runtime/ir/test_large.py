"""Models beyond 2 GB, with the limit lowered."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.ir import large
from onnx2snn_runtime.model import write_model


@pytest.fixture
def proto(monkeypatch: pytest.MonkeyPatch) -> onnx.ModelProto:
    monkeypatch.setattr(large, "LARGEST_MESSAGE", 1000)
    model = parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> net (float[N, 1024] x) => (float[N, 1024] y) { y = Add(x, w) }'
    )
    model.graph.initializer.append(numpy_helper.from_array(np.arange(1024, dtype=np.float32), "w"))
    return model


def test_the_weights_lie_beside_the_file(proto: onnx.ModelProto, tmp_path: Path) -> None:
    before = proto.SerializeToString()
    for _ in range(2):
        write_model(proto, tmp_path / "a.onnx")
    assert proto.SerializeToString() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.onnx", "a.onnx.data"]
    assert (tmp_path / "a.onnx.data").stat().st_size == large.weight_bytes(proto)
    read = onnx.load(tmp_path / "a.onnx")
    np.testing.assert_array_equal(numpy_helper.to_array(read.graph.initializer[0]), np.arange(1024))


def test_a_folder_that_cannot_be_written(proto: onnx.ModelProto, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_model(proto, tmp_path / "none" / "a.onnx")


def test_weights_of_another_file_are_not_overwritten(proto: onnx.ModelProto, tmp_path: Path) -> None:
    (tmp_path / "a.onnx.data").write_text("mine")
    with pytest.raises(InputError, match=r"a.onnx.data' exists: choose another path"):
        write_model(proto, tmp_path / "a.onnx", force=False)
    assert (tmp_path / "a.onnx.data").read_text() == "mine"
