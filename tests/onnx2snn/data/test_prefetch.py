"""Batches reach a run as they are, or copied ahead to a GPU."""

import numpy as np
import pytest
import torch

from onnx2snn.data.prefetch import staged
from onnx2snn.data.readers import Samples
from onnx2snn.evaluation.evaluation import evaluate
from onnx2snn_runtime.model import SpikingModel


def test_on_a_cpu_nothing_is_copied() -> None:
    batches = [{"x": np.ones((2, 3))}, {"x": np.zeros((1, 3))}]
    pairs = list(staged(iter(batches), torch.device("cpu")))
    assert [batch is given for batch, given in pairs] == [True, True]
    assert [batch for batch, _ in pairs] == batches


def test_early_exit_is_evaluated(snn: SpikingModel, features: np.ndarray) -> None:
    samples = Samples({"x": features}, None, len(features))
    full = evaluate(snn, samples, [8], batch_size=7, executor="layer")
    early = evaluate(snn, samples, [8], batch_size=7, executor="layer", early_exit="stable")
    assert full["mean_timesteps"] == 8
    assert 2 <= early["mean_timesteps"] < 8
    assert early["timesteps"]["8"]["synaptic_operations"] < full["timesteps"]["8"]["synaptic_operations"]


@pytest.mark.gpu
def test_on_a_gpu_it_is_the_same(snn: SpikingModel, features: np.ndarray) -> None:
    batches = [{"x": features[:3], "i": np.arange(4)}, {"x": features[3:5], "i": np.arange(2)}]
    for batch, given in staged(iter(batches), torch.device("cuda")):
        for name, value in batch.items():
            assert given[name].is_cuda
            np.testing.assert_array_equal(given[name].cpu(), value)
    samples = Samples({"x": features}, None, len(features))
    expected = evaluate(snn, samples, [4], batch_size=7)["timesteps"]["4"]
    assert evaluate(snn.to("cuda"), samples, [4], batch_size=7)["timesteps"]["4"] == pytest.approx(expected, rel=1e-3)


@pytest.mark.gpu
def test_graphs_are_evaluated_without_operations(snn: SpikingModel, features: np.ndarray) -> None:
    samples = Samples({"x": features}, None, len(features))
    expected = evaluate(snn, samples, [4], batch_size=8)["timesteps"]["4"]
    found = evaluate(snn.to("cuda"), samples, [4], batch_size=8, cuda_graphs=True)["timesteps"]["4"]
    assert found == pytest.approx(expected | {"synaptic_operations": None}, rel=1e-3)


def test_graphs_that_no_device_has_leave_the_operations(snn: SpikingModel, features: np.ndarray) -> None:
    samples = Samples({"x": features}, None, len(features))
    assert evaluate(snn, samples, [4], cuda_graphs="auto") == evaluate(snn, samples, [4])
