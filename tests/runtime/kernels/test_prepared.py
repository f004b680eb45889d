"""A call that is made over and over gives what a new one gives, for other numbers laid out alike."""

import pytest
import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State, Tensor, make_dynamics
from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.kernels import compiling
from onnx2snn_runtime.kernels.base import Ask, Scanned
from onnx2snn_runtime.kernels.differential import DifferentialScan
from onnx2snn_runtime.kernels.pointwise import Pointwise, Tape, Writer
from onnx2snn_runtime.kernels.prepared import Ready
from onnx2snn_runtime.kernels.subgradient import SubgradientScan

pytestmark = pytest.mark.skipif(compiling.unavailable("functions") is not None, reason="there is no C compiler")

SHAPE, NEURON = (4, 300), Neuron(2.0)
DRAW = torch.Generator().manual_seed(0)


def product() -> Tape:
    """Return the tape of sigmoid(a) b."""
    writer = Writer(2)
    tape = writer.tape(writer.emit("mul", writer.emit("sigmoid", writer.source(0)), writer.source(1)))
    assert tape is not None
    return tape


TAPE = product()


def wide(rows: int) -> Tensor:
    """Return a source that is part of a wider tensor, [rows, 4, 300] of [rows, 4, 900]."""
    return torch.randn((rows, 4, 900), generator=DRAW)[..., 300:600]


def own(rows: int) -> Tensor:
    """Return a source that lies in a row."""
    return torch.randn((rows, *SHAPE), generator=DRAW)


def zero() -> State:
    return State(torch.zeros(()).expand(SHAPE))


def ready_for(a: Tensor, b: Tensor, steps: int, *spare: int) -> Ready | None:
    kernel = DifferentialScan()
    plan = kernel.plan(Differential(), zero(), steps, 1, NEURON)
    return kernel.ready(plan, a, steps, Ask(function=Pointwise(TAPE, [b]), spare=spare))


def scanned(a: Tensor, b: Tensor, state: State, steps: int, t: int = 1) -> Scanned:
    function = Pointwise(TAPE, [b])
    return DifferentialScan().scan(Differential(), a, state, steps, t, NEURON, None, function=function)


def check(found: Scanned, expected: Scanned) -> None:
    assert torch.equal(found.values, expected.values)
    assert torch.equal(found.events, expected.events)
    assert torch.equal(found.state.v, expected.state.v)
    assert (found.settled, found.peak) == (expected.settled, expected.peak)


@pytest.mark.parametrize(("left", "right"), [(own, own), (wide, own), (wide, wide)])
def test_other_numbers_and_a_later_chunk(left, right) -> None:  # type: ignore[no-untyped-def]
    call = ready_for(left(1), right(3), 3)
    assert call is not None
    for _ in range(3):
        a, b = left(1), right(3)
        expected = scanned(a, b, zero(), 3)
        found = call.scan([a, b], None)
        check(found, expected)
        assert call.continues(found.state)
        check(call.scan([a, b], found.state), scanned(a, b, expected.state, 3))


def test_what_settles_has_fewer_rows() -> None:
    a, b = torch.zeros((1, *SHAPE)), torch.zeros((1, *SHAPE))
    call = ready_for(a, b, 4)
    assert call is not None
    found = call.scan([a, b], None)
    assert found.settled
    assert len(found.values) == 1
    check(found, scanned(a, b, zero(), 4))


def test_estimates_are_written_over_a_source_that_nobody_reads() -> None:
    a, b = own(2), own(2)
    call = ready_for(a, b, 2, 1)
    assert call is not None
    expected = scanned(a.clone(), b.clone(), zero(), 2)
    found = call.scan([a, b], None)
    check(found, expected)
    assert found.values.data_ptr() == b.data_ptr()


def test_what_is_copied_or_keeps_more_than_v_is_prepared_anew() -> None:
    turned = torch.randn((2, 300, 4), generator=DRAW).transpose(1, 2)
    assert ready_for(turned, own(2), 2) is None
    kernel = SubgradientScan()
    for options, there in (({"momentum": 0.5}, False), ({}, True)):
        made: Dynamics = make_dynamics("subgradient", options=options)
        plan = kernel.plan(made, made.init(own(1)[0]), 2, 1, NEURON)  # type: ignore[arg-type]
        assert (kernel.ready(plan, own(2), 2, Ask()) is not None) == there


def test_a_state_in_another_order_is_no_continuation() -> None:
    call = ready_for(own(1), own(1), 2)
    assert call is not None
    assert not call.continues(State(torch.zeros((300, 4)).t()))
    assert not call.continues(State(torch.zeros(SHAPE, dtype=torch.float64)))
