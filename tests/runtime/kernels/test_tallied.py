"""Spikes that a kernel tallies while it scans are those that the steps send, by the same rules."""

import pytest
import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, Tensor, make_dynamics, wire_of
from onnx2snn_runtime.kernels.base import find_kernel, scan, scan_by_steps
from onnx2snn_runtime.kernels.compiling import unavailable
from onnx2snn_runtime.kernels.native import CKernel
from onnx2snn_runtime.kernels.tallied import LARGEST, PATTERNS, Tallied
from onnx2snn_runtime.probing.digits import tally_by_steps

pytestmark = pytest.mark.skipif(unavailable("tally") is not None, reason="there is no C compiler")

SHAPE, STEPS = (3, 5, 71, 63), 3
"""Neurons that fill more than one thread, in blocks that end in the middle of a sample."""

SIZE = 5 * 71 * 63
DYNAMICS = ("differential", "signgd", "ternary", "if", "lif", "subgradient")
LAYOUTS = {"rows": (0, 1, 2, 3), "channels last": (0, 2, 3, 1)}


def targets(dtype: torch.dtype, layout: str, steps: int = STEPS) -> Tensor:
    draw = torch.randn((steps, *SHAPE), generator=torch.Generator().manual_seed(4), dtype=dtype)
    draw[:, 1, 0, 0, :3] = torch.tensor([float("inf"), -float("inf"), float("nan")])
    axes = LAYOUTS[layout]
    back = [axes.index(axis) for axis in range(4)]
    return draw.permute(0, *(a + 1 for a in axes)).contiguous().permute(0, *(a + 1 for a in back))


def fans() -> list[Tensor]:
    draw = torch.Generator().manual_seed(5)
    whole = torch.randint(0, 900, (3 * SIZE,), generator=draw).float()
    return [torch.tensor([7.0]), torch.randint(0, 9, (SIZE,), generator=draw).float(), whole]


def check(dynamics: Dynamics, neuron: Neuron, x: Tensor) -> None:
    wires = [wire_of(dynamics, 1 + t, neuron) for t in range(STEPS)]
    assert wires[0].mantissa is not None
    zero = dynamics.init(x[0])
    found = scan(
        dynamics, x, zero, STEPS, 1, neuron, None, None, tallied=Tallied(fans(), wires[0].mantissa), sends=True
    )
    _, spikes = scan_by_steps(dynamics, x, zero, STEPS, 1, neuron)
    assert found.sent is not None
    assert found.sums is not None
    assert torch.equal(found.sent.nan_to_num(9), torch.stack(spikes).nan_to_num(9))
    for t, spike in enumerate(spikes):
        finite = spike.nan_to_num(0)  # NaN is sent once; digits it has none in truth
        for fan, sums in zip(fans(), found.sums[:, t], strict=True):
            expected = tally_by_steps(finite[None], torch.zeros_like(spike), fan, wires[t].mantissa, wires[t].unit)
            lost = spike.isnan()
            times = fan.repeat(3) if len(fan) == SIZE else fan if len(fan) > 1 else fan.expand(3 * SIZE)
            assert sums[0] == expected.met + (lost.reshape(-1) * times).sum()
            assert sums[3] == expected.events + lost.sum()
            assert bool(sums[2]) == bool(expected.graded) or bool(lost.any())
            if not lost.any():
                assert sums[1] == expected.added
                assert sums[4] == expected.digits


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", DYNAMICS)
def test_what_is_tallied_is_what_is_sent(name: str, dtype: torch.dtype, layout: str) -> None:
    scale = torch.tensor([0.5, 0.75, 1.1, 2.0, 1.0], dtype=dtype)[:, None, None] if layout == "rows" else 0.7
    check(make_dynamics(name), Neuron(scale, levels=12, mantissa=3), targets(dtype, layout))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("mantissa", [0, 1, 2, 4, 5, 8, 16])
@pytest.mark.parametrize("gradual", [False, True])
def test_digits_of_every_number_of_bits(mantissa: int, dtype: torch.dtype, gradual: bool) -> None:
    neuron = Neuron(0.3, levels=12, mantissa=mantissa, gradual=gradual)
    check(make_dynamics("differential"), neuron, targets(dtype, "rows"))


def test_threads_and_a_chunk_that_falls_silent() -> None:
    x = targets(torch.float32, "rows", 1)[:, :2].nan_to_num(0, 0, 0).round()
    dynamics, neuron, before = make_dynamics("differential"), Neuron(4.0), torch.get_num_threads()
    made = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            tallied = Tallied([torch.ones(1)], 1)
            made.append(scan(dynamics, x, dynamics.init(x[0]), 40, 1, neuron, None, None, tallied=tallied, sends=True))
    finally:
        torch.set_num_threads(before)
    one, three = made
    assert one.sums is not None
    assert three.sums is not None
    assert one.sent is not None
    assert three.sent is not None
    assert torch.equal(one.sums[..., [0, 1, 3, 4]], three.sums[..., [0, 1, 3, 4]])
    assert torch.equal(one.sums[..., 2] > 0, three.sums[..., 2] > 0)
    assert torch.equal(one.sums[0, :, 3], one.events)
    assert torch.equal(one.sent, three.sent)
    assert torch.equal(one.sent.count_nonzero((1, 2, 3, 4)), one.events)
    assert len(one.values) < 40


def test_a_scan_that_tallies_gives_what_one_that_does_not_gives() -> None:
    x, neuron = targets(torch.float32, "rows"), Neuron(0.7)
    for name in DYNAMICS:
        dynamics = make_dynamics(name)
        kernel = find_kernel(dynamics, x)
        assert isinstance(kernel, CKernel)
        plain, tallied = (
            scan(dynamics, x, dynamics.init(x[0]), STEPS, 1, neuron, None, None, tallied=asked)
            for asked in (None, Tallied(fans(), 1))
        )
        assert plain.sums is None
        assert torch.equal(plain.values.nan_to_num(9), tallied.values.nan_to_num(9))
        assert torch.equal(plain.events, tallied.events)


def test_what_a_kernel_cannot_tally() -> None:
    assert Tallied([torch.ones(1)], 1).fits((2, 3))
    assert Tallied([torch.ones(3), torch.ones(6)], 1).fits((2, 3))
    assert not Tallied([torch.ones(4)], 1).fits((2, 3))
    assert not Tallied([torch.ones(1)], 1).fits((0, 3))
    assert not Tallied([torch.ones(1)] * (PATTERNS + 1), 1).fits((2, 3))
    assert not Tallied([torch.tensor([2.0 * LARGEST])], 1).fits((2, 3))
