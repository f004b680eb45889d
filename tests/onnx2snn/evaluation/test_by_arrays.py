"""onnx2snn.evaluate, on arrays and tensors."""

import numpy as np
import pytest
import torch

import onnx2snn
from onnx2snn.data.readers import Samples
from onnx2snn.evaluation.evaluation import evaluate
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.model import SpikingModel


def test_arrays_tensors_and_mappings_give_what_samples_give(snn: SpikingModel, features: np.ndarray) -> None:
    labels = np.arange(40) % 3
    expected = evaluate(snn, Samples({"x": features}, labels, 40), [1, 4])
    assert onnx2snn.evaluate(snn, features, labels, [1, 4]) == expected
    assert onnx2snn.evaluate(snn, {"x": torch.from_numpy(features)}, torch.from_numpy(labels), [1, 4]) == expected
    found = onnx2snn.evaluate(snn, features)
    assert list(found["timesteps"]) == ["1", "2", "4", "8"]
    assert found["ann"]["accuracy"] is None


def test_what_does_not_fit_is_said(snn: SpikingModel, features: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"the samples' differ in their number of samples \(x 40, labels 39\)"):
        onnx2snn.evaluate(snn, features, np.zeros(39, int))
    with pytest.raises(InputError, match="the model has no input 'z'"):
        onnx2snn.evaluate(snn, {"z": features})
    with pytest.raises(InputError, match="give one whole number a sample"):
        onnx2snn.evaluate(snn, features, np.full(40, 0.5))
