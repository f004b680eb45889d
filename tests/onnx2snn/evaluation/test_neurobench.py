"""Operations of integrate-and-fire networks against NeuroBench's own, through the wrapper `onnx2snn.neurobench`."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from onnx2snn.evaluation.energy import parameters
from onnx2snn.neurobench import neurobench_model
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


@pytest.mark.parametrize("channelwise", [False, True])
@pytest.mark.parametrize("pooled", [False, True])
def test_operations_are_those_of_neurobench(pooled: bool, channelwise: bool) -> None:
    from neurobench.benchmarks import Benchmark
    from neurobench.metrics.static import Footprint
    from neurobench.metrics.workload import ActivationSparsity, SynapticOperations

    text = TEXT.format(features=96 if pooled else 384, pool=POOL if pooled else "", pooled="p" if pooled else "h")
    snn = network(text, dyadic=True, dynamics="if")
    for index, name in enumerate(snn.population_names()):
        channels = np.array([0.5, 3.0, 1.0, 2.0, 0.75, 1.5][: 4 + 2 * index], np.float32)[:, None, None]
        snn.set_population(name, scale=channels if channelwise else np.float32(0.75 + index))
    snn = snn.double()  # so that no tie at a threshold hangs on rounding
    x = torch.from_numpy(sample(snn, 20, dyadic=True)["x"]).double()
    run = snn.run(x, timesteps=T, operations=True, batch_size=8)
    found, wrapped = run.operations[T], neurobench_model(snn, T)
    torch.testing.assert_close(wrapped(x), run.outputs[T], rtol=1e-5, atol=1e-5)

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
