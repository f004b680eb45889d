"""Operations of an integrate-and-fire network against NeuroBench's own, on a torch twin of the same network.

The twin sends ones: theta is folded into the weights behind a neuron. Its first layer runs once for an input, as ours.
"""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from onnx2snn.evaluation.energy import parameters
from onnx2snn_runtime.model import SpikingModel
from tests.runtime.networks import network, sample

pytest.importorskip("neurobench", reason="needs the extra neurobench")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

T = 6
TEXT = """cnn (float[N, 2, 8, 8] x) => (float[N, 3] y)
<float[4, 2, 3, 3] w1, float[4] b1, float[6, 2, 3, 3] w2, float[6] b2, float[{features}, 3] w3, float[3] b3>
{{ a = Conv<pads = [1, 1, 1, 1]>(x, w1, b1)  h = onnx2snn.SpikingRelu(a)  {pool}
  c = Conv<pads = [1, 1, 1, 1], group = 2>({pooled}, w2, b2)  g = onnx2snn.SpikingRelu(c)
  f = Flatten(g)  y = Gemm(f, w3, b3) }}"""
POOL = "p = AveragePool<kernel_shape = [2, 2], strides = [2, 2]>(h)"


class Fire(nn.Module):
    """u <- u + I; 1 where u >= theta, which is subtracted; u(0) = theta / 2."""

    def __init__(self, theta: torch.Tensor) -> None:
        super().__init__()
        self.theta, self.u = theta, None

    def forward(self, current: torch.Tensor) -> torch.Tensor:
        self.u = (self.theta / 2 if self.u is None else self.u) + current
        spike = (self.u >= self.theta * (1 - 2.0**-20)).to(current.dtype)
        self.u = self.u - spike * self.theta
        return spike


class Twin(nn.Module):
    """The network step by step, in torch."""

    def __init__(self, snn: SpikingModel, pooled: bool) -> None:
        super().__init__()
        w = {name: value.clone() for name, value in snn.program.constants.items()}
        one, two = (torch.as_tensor(np.array(p.attributes.scale)).double() for p in snn.program.populations)
        self.first, self.fire1, self.fire2 = nn.Conv2d(2, 4, 3, padding=1), Fire(one), Fire(two)
        self.pool = nn.AvgPool2d(2) if pooled else nn.Identity()
        self.second, self.last = nn.Conv2d(4, 6, 3, padding=1, groups=2), nn.Linear(len(w["w3"]), 3)
        folded = w["w2"].reshape(2, 3, 2, 3, 3) * one.expand(4, 1, 1).reshape(2, 1, 2, 1, 1)
        behind = two.expand(6, 1, 1).expand(6, len(w["w3"]) // 6, 1).reshape(-1, 1)
        values = [w["w1"], w["b1"], folded.reshape(6, 2, 3, 3), w["b2"], (w["w3"] * behind).t(), w["b3"]]
        layers = (self.first, self.second, self.last)
        for held, value in zip((p for layer in layers for p in (layer.weight, layer.bias)), values, strict=True):
            held.data = value.contiguous()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.fire1.u = self.fire2.u = None
        current, total = self.first(x), 0.0
        for _ in range(T):
            inner = self.second(self.pool(self.fire1(current)))
            total = total + self.last(self.fire2(inner).flatten(1))
        return total / T


@pytest.mark.parametrize("channelwise", [False, True])
@pytest.mark.parametrize("pooled", [False, True])
def test_operations_are_those_of_neurobench(pooled: bool, channelwise: bool) -> None:
    from neurobench.benchmarks import Benchmark
    from neurobench.metrics.static import Footprint
    from neurobench.metrics.workload import ActivationSparsity, SynapticOperations
    from neurobench.models import TorchModel

    text = TEXT.format(features=96 if pooled else 384, pool=POOL if pooled else "", pooled="p" if pooled else "h")
    snn = network(text, dyadic=True, dynamics="if")
    for index, name in enumerate(snn.population_names()):
        channels = np.array([0.5, 3.0, 1.0, 2.0, 0.75, 1.5][: 4 + 2 * index], np.float32)[:, None, None]
        snn.set_population(name, scale=channels if channelwise else np.float32(0.75 + index))
    snn = snn.double()  # so that no tie at a threshold hangs on rounding
    x = torch.from_numpy(sample(snn, 20, dyadic=True)["x"]).double()
    run = snn.run(x, timesteps=T, operations=True, batch_size=8)
    found, twin = run.operations[T], Twin(snn, pooled)
    torch.testing.assert_close(twin(x), run.outputs[T], rtol=1e-5, atol=1e-5)

    wrapped = TorchModel(twin)
    wrapped.add_activation_module(Fire)
    loader = DataLoader(TensorDataset(x, torch.zeros(20)), batch_size=8)
    metrics = [[Footprint], [SynapticOperations, ActivationSparsity]]
    expected = Benchmark(wrapped, loader, [], [], metrics).run(quiet=True)
    counts = {
        "Effective_ACs": found.effective_acs / 20,
        "Effective_MACs": found.effective_macs / 20,
        "Dense": found.dense_macs / 20,
    }
    assert counts == pytest.approx(expected["SynapticOperations"], rel=1e-12)
    assert counts["Effective_ACs"] > 0
    direct = next(layer for layer in found.layers if layer.kind == "direct")
    assert (found.effective_macs > direct.effective_macs > 0) == pooled  # what a pool gives is no unit
    assert found.activation_sparsity == pytest.approx(expected["ActivationSparsity"], rel=1e-6)
    assert 2 * parameters(snn)["footprint"]["fp32"] == expected["Footprint"]
