"""The demo's files are what their README says."""

import numpy as np
import onnx

from models.data import load
from models.export import accuracy


def test_the_network_is_accurate_and_small(demo_data):
    with np.load(demo_data / "digits_test.npz") as data:
        assert accuracy(demo_data / "digits_cnn.onnx", data["image"], data["labels"]) >= 0.99
    assert (demo_data / "digits_cnn.onnx").stat().st_size < 50_000


def test_the_network_shows_every_kind_of_layer(demo_data):
    operators = {node.op_type for node in onnx.load(demo_data / "digits_cnn.onnx").graph.node}
    assert operators == {"Conv", "BatchNormalization", "Relu", "MaxPool", "Flatten", "Gemm"}


def test_the_images_are_those_of_the_data_set(demo_data):
    data = load("digits")
    with np.load(demo_data / "digits_test.npz") as test:
        assert test["image"].dtype == np.float32
        np.testing.assert_array_equal(test["image"], data.test_image)
        np.testing.assert_array_equal(test["labels"], data.test_label)
    with np.load(demo_data / "digits_calibration.npz") as calibration:
        assert list(calibration) == ["image"]
        np.testing.assert_array_equal(calibration["image"], data.train_image[:128])
