"""Outputs whose rows begin with the number of their sample: samples stay apart, and batches are joined."""

from pathlib import Path

import numpy as np
import onnx
import pytest

import onnx2snn
from onnx2snn.data.readers import Samples
from onnx2snn.evaluation.evaluation import evaluate
from tests.onnx2snn.front_end import by_default, floats, network

X = floats(22, 1, 5, 5)
GIVEN = {
    "k": floats(2, 1, 3, 3), "wb": floats(50, 24) / 2, "ws": floats(50, 12, seed=3) * np.float32(0.3),
    "sb": np.int64([0, 6, 4]), "ss": np.int64([0, 2, 6]), "most": np.int64([3]), "iou": np.float32([0.5]),
    "least": np.float32([0.4]),
}  # fmt: skip


def detector(batch: str) -> onnx.ModelProto:
    """Return a network that ends in NonMaxSuppression: of 6 boxes of 2 classes, those that are chosen."""
    body = """a = Conv<pads = [1, 1, 1, 1]>(x, k) h = Relu(a) f = Flatten(h) d = Gemm(f, wb) s = Gemm(f, ws)
              e = Reshape(d, sb) r = Reshape(s, ss) boxes = Sigmoid(e) scores = Sigmoid(r)
              y = NonMaxSuppression(boxes, scores, most, iou, least)"""
    return network(body, f"float[{batch}, 1, 5, 5] x", "int64[K, 3] y", **GIVEN)


@pytest.mark.parametrize("batch", ["N", "8"])
def test_several_images_at_a_time(batch: str, tmp_path: Path) -> None:
    wanted = by_default(detector("N"), {"x": X})["y"]
    snn = onnx2snn.convert(detector(batch), X)
    assert (snn.program.axes.outputs, snn.program.axes.joint) == ({"y": "rows"}, False)
    for options in ({}, {"batch_size": 5}, {"batch_size": 1}):
        np.testing.assert_array_equal(snn(X, timesteps=8, **options), wanted)
    snn.save(tmp_path / "detector.snn.onnx")
    np.testing.assert_array_equal(onnx2snn.load(tmp_path / "detector.snn.onnx")(X, timesteps=8), wanted)
    found = evaluate(snn, Samples({"x": X}, None, len(X)), [8], batch_size=5)
    assert found["timesteps"]["8"]["agreement"] == 1


def test_one_image_at_a_time_gives_a_list() -> None:
    found = onnx2snn.convert(detector("1"), X)(X, timesteps=8)
    assert [len(rows) for rows in found] == [len(by_default(detector("1"), {"x": x[None]})["y"]) for x in X]
