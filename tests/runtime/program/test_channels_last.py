"""Weights of convolutions over planes lie in channels last where that pays, and results are the same."""

import numpy as np
import pytest
import torch

from onnx2snn_runtime.execution.over_time import find_strategy
from onnx2snn_runtime.ir.schema import NeuronAttributes
from onnx2snn_runtime.loading import place
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.program.channels_last import laid_out, pays, plane_weights
from onnx2snn_runtime.program.interpreter import Call
from tests.runtime.networks import MLP, network, proto, sample

PARTS = {
    "points": ("float[4, 4, 1, 1] u", "Conv(h, u)"),
    "depthwise": ("float[4, 1, 3, 3] u", "Conv<group = 4, pads = [1, 1, 1, 1]>(h, u)"),
    "groups": ("float[4, 2, 3, 3] u", "Conv<group = 2, pads = [1, 1, 1, 1]>(h, u)"),
    "dilated": ("float[4, 4, 3, 3] u", "Conv<dilations = [2, 2], pads = [2, 2, 2, 2]>(h, u)"),
    "uneven pads": ("float[4, 4, 2, 2] u", "Conv<pads = [0, 1, 1, 0]>(h, u)"),
    "transposed": ("float[4, 4, 1, 1] u", "ConvTranspose(h, u)"),
    "transposed depthwise": ("float[4, 1, 3, 3] u", "ConvTranspose<group = 4, pads = [1, 1, 1, 1]>(h, u)"),
    "padded": ("float[4, 4, 3, 3] u, int64[8] p = {0, 0, 1, 1, 0, 0, 1, 1}", "Conv(q, u)", "q = Pad(h, p)"),
    "joined": ("float[4, 8, 1, 1] u", "Conv(q, u)", "q = Concat<axis = 1>(h, a)"),
    "pooled": ("float[4, 4, 1, 1] u", "Conv(q, u)",
               "q = AveragePool<kernel_shape = [2, 2], pads = [0, 0, 1, 1], count_include_pad = 1>(h)"),
    "enlarged": ("float[4, 4, 3, 3] u, float[4] s = {1, 1, 2, 2}",
                 "Conv<strides = [2, 2], pads = [1, 1, 1, 1]>(q, u)", "q = Resize<mode = \"nearest\">(h, , s)"),
    "a plane": ("float[4, 4, 5, 5] u", "Conv<pads = [2, 2, 2, 2]>(q, u)", "q = Transpose<perm = [0, 1, 3, 2]>(h)"),
}  # fmt: skip


def text(part: str) -> str:
    weights, synapse, *before = PARTS[part]
    return f"""net (float[N, 2, 5, 5] x) => (float[N, 4] y) <float[4, 2, 3, 3] w, {weights}>
    {{ c = Conv<pads = [1, 1, 1, 1]>(x, w)  h = onnx2snn.SpikingRelu(c)  a = onnx2snn.SpikingTanh(h)
      {" ".join(before)}  d = {synapse}  r = Add(d, h)  g = onnx2snn.SpikingRelu(r)  m = GlobalAveragePool(g)
      y = Flatten(m) }}"""


def by_channel(model: SpikingModel) -> SpikingModel:
    """Give every population scales by channel."""
    for population in model.program.populations:
        scales = np.float32(2.0) ** np.arange(-1, 3, dtype=np.float32).reshape(4, 1, 1)
        model.program.set_attributes(population.name, NeuronAttributes(1, scales))
    return model


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("executor", ["layer", "step", "event"])
def test_results_are_the_same_to_the_bit(part: str, executor: str) -> None:
    plain = by_channel(place(network(text(part), dyadic=True), "cpu", channels_last=False))
    turned = by_channel(network(text(part), dyadic=True))
    assert (planes(plain), planes(turned)) == (0, 2)
    x = sample(plain, 3, dyadic=True)["x"]
    run = turned.run(x, (1, 4), executor=executor, probes=["events"])
    expected = plain.run(x, (1, 4), executor=executor, probes=["events"])
    for steps in (1, 4):
        np.testing.assert_array_equal(run.outputs[steps], expected.outputs[steps])
    assert run.events == expected.events


def planes(model: SpikingModel) -> int:
    """Return how many weights say that they lie in channels last."""
    weights = [w for w in model.program.buffers() if w.ndim == 4]
    return sum(w.stride() == torch.empty(w.shape, memory_format=torch.channels_last).stride() for w in weights)


@pytest.mark.parametrize("part", ["depthwise", "padded", "joined", "enlarged", "uneven pads"])
def test_values_over_time_stay_in_channels_last(part: str) -> None:
    model, seen = network(text(part)), list[torch.Tensor]()
    model(sample(model, 3)["x"], timesteps=3)
    with Watching(seen):
        model(sample(model, 3)["x"], timesteps=3)
    assert [len(x) for x in seen] == [3, 9]
    assert seen[1].is_contiguous(memory_format=torch.channels_last)


class Watching(torch.utils._python_dispatch.TorchDispatchMode):
    """Keeps what convolutions read."""

    def __init__(self, seen: list[torch.Tensor]) -> None:
        super().__init__()
        self.seen = seen

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        if func.name() == "aten::convolution":
            self.seen.append(args[0])
        return func(*args, **(kwargs or {}))


def test_weights_of_planes_alone() -> None:
    weights = "float[4, 2, 3, 3] w, float[4, 4, 1, 1] u, float[4, 4, 3] line, float[4, 4, 1, 1] other"
    model = proto(f"""net (float[N, 2, 5, 5] x, float[N, 4, 9] t) => (float[N, 4, 3, 3] y, float[N, 4, 7] z) <{weights}>
    {{ a = Conv(x, w)  h = onnx2snn.SpikingRelu(a)  b = Conv(h, u)  y = Add(b, other)  z = Conv(t, line) }}""")
    assert plane_weights(model) == ("w", "u")
    lines = proto("""net (float[N, 1, 9, 1] x) => (float[N, 4, 5, 1] y) <float[4, 1, 3, 1] w, float[4, 4, 3, 1] u>
    { a = Conv(x, w)  h = onnx2snn.SpikingRelu(a)  y = Conv(h, u) }""")
    assert plane_weights(lines) == ()
    assert plane_weights(proto(MLP)) == ()


def test_where_it_pays() -> None:
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    assert pays(cpu, torch.float32)
    assert pays(cuda, torch.float16)
    assert pays(cuda, torch.bfloat16)
    assert not pays(cuda, torch.float32)
    assert not pays(cpu, torch.float64)


def test_the_layout_follows_type_and_choice() -> None:
    model = network(text("depthwise"))
    assert planes(model) == 2
    assert planes(place(model, "cpu", "float64")) == 0
    assert planes(place(model, "cpu", "bfloat16")) == 2
    assert planes(place(model, "cpu", "float64", channels_last=True)) == 2
    assert planes(place(model, "cpu", "float32", channels_last=False)) == 0
    assert planes(place(model, "cpu", "float32")) == 2


def test_one_channel_lies_in_both_layouts() -> None:
    weight = torch.arange(36.0).reshape(4, 1, 3, 3)
    turned = laid_out(weight, True)
    assert (turned.stride(), turned.is_contiguous()) == ((9, 1, 3, 1), True)
    assert laid_out(turned, True) is turned
    assert laid_out(turned, False).stride() == (9, 9, 3, 1)
    assert torch.equal(turned, weight)


def test_pads_of_the_samples_are_not_folded() -> None:
    model = network("""net (float[N, 2] x) => (float[N, 2] y) <float[2, 2] w, float[3, 2] u, int64[4] p = {0, 1, 0, 0}>
    { a = MatMul(x, w)  h = onnx2snn.SpikingRelu(a)  b = Pad(h, p)  y = MatMul(b, u) }""")
    (item,) = [i for i in (*model.program.loop, *model.program.tail) if isinstance(i, Call) and i.op_type == "Pad"]
    x = torch.arange(12.0).reshape(3, 2, 2)
    for pads in ([0, 1, 0, 0], [1, 1, 0, 0]):
        got = find_strategy(item, [x, pads], [True, False])([x, pads])
        assert torch.equal(got, torch.stack([item.operator.function(step, pads) for step in x]))
