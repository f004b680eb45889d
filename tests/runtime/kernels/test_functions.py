"""Functions inside the scan: what torch computes, to the last bits, in every layout, in place where nobody reads on."""

import math

import pytest
import torch
from torch.nn import functional

from onnx2snn_runtime.dynamics.base import Neuron, State, Tensor
from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.kernels import compiling
from onnx2snn_runtime.kernels.base import Scanned
from onnx2snn_runtime.kernels.chunks import extended
from onnx2snn_runtime.kernels.differential import DifferentialScan
from onnx2snn_runtime.kernels.pointwise import OPERATIONS, Pointwise, Tape, Writer

pytestmark = pytest.mark.skipif(compiling.unavailable("functions") is not None, reason="there is no C compiler")

EXPECTED = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "maximum": torch.maximum,
    "minimum": torch.minimum, "neg": torch.neg, "abs": torch.abs, "sqrt": torch.sqrt, "exp": torch.exp,
    "sigmoid": torch.sigmoid, "tanh": torch.tanh, "erf": torch.erf, "relu": torch.relu, "gelu": functional.gelu,
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"), "swish": functional.silu,
    "hard_swish": functional.hardswish, "leaky": lambda x, a: torch.where(x > 0, x, a * x),
    "prelu": lambda x, a: torch.where(x >= 0, x, a * x), "clip": lambda x, a, b: x.clamp(a, b),
}  # fmt: skip
TWO = ("add", "sub", "mul", "div", "maximum", "minimum", "leaky", "prelu")
ROUNDED = {"exp", "sigmoid", "tanh", "erf", "gelu", "gelu_tanh", "swish", "sqrt"}
EXACT = Differential(levels=100, mantissa=23)
"""Spikes as fine as float32: an estimate is its target after two steps."""


def numbers(shape: tuple[int, ...], dtype: torch.dtype, seed: int = 0) -> Tensor:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 4
    hard = [0.0, -0.0, 1e-8, -1e-8, 0.6249, 0.626, 1.0, -1.0, 2.0, 20.0, -20.0, 88.0, -87.0]
    x.view(-1)[: len(hard)] = torch.tensor(hard, dtype=torch.float64)
    return x.to(dtype)


def scan(
    tape: Tape, sources: list[Tensor], scale: float = 64.0, steps: int = 3, arrays: tuple[Tensor, ...] = (), **options
) -> Scanned:
    first, state = sources[0], State(sources[0].new_zeros(()).expand(sources[0].shape[1:]))
    function = Pointwise(tape, sources[1:], arrays)
    return DifferentialScan().scan(EXACT, first, state, steps, 1, Neuron(scale), None, function=function, **options)


def tape_of(operation: str, sources: int, *values: float) -> Tape:
    writer = Writer(sources)
    operands = [writer.source(i) for i in range(sources)] + [writer.number(value) for value in values]
    tape = writer.tape(writer.emit(operation, *operands))
    assert tape is not None
    return tape


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_operations(operation: str, dtype: torch.dtype) -> None:
    sources = [numbers((1, 2, 1500), dtype, seed).clamp(-40, 40) for seed in range(2 if operation in TWO else 1)]
    if operation in ("exp", "sqrt"):
        sources = [x.abs().clamp(max=4) for x in sources]
    if operation == "div":
        sources[1] = sources[1].sign().add(0.5) * sources[1].abs().clamp(min=1)
    values = (-0.5, 1.25) if operation == "clip" else ()
    found = scan(tape_of(operation, len(sources), *values), sources, steps=6).values[-1]
    given = [x.clone() for x in sources]
    function = EXPECTED[operation]
    expected = function(*(x[0] for x in given), *values).clamp(-127, 127)  # a spike is below two scales
    rest = 3e-7 if dtype == torch.float32 and operation in ROUNDED else 1e-7 if operation in ROUNDED else 0
    torch.testing.assert_close(found.clamp(-127, 127), expected, rtol=rest or 1e-7, atol=rest * 8)


def test_what_is_not_finite() -> None:
    x = torch.tensor([[math.nan, math.inf, -math.inf, 200.0, -200.0]])
    for operation in ("sigmoid", "tanh", "erf", "maximum"):
        function = EXPECTED[operation]
        sources = [x, torch.zeros_like(x)] if operation == "maximum" else [x]
        found = scan(tape_of(operation, len(sources)), sources, scale=256.0).values[-1]
        expected = function(*(source[0] for source in sources))
        expected[expected == math.inf] = 256.0
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=0, equal_nan=True)


def lstm(writer: Writer) -> Tape | None:
    gate = writer.emit("sigmoid", writer.source(0))
    return writer.tape(writer.emit("mul", writer.emit("mul", gate, writer.number(2.0)), writer.source(1)))


def test_instructions_follow_each_other() -> None:
    a, b = (numbers((4, 3, 2000), torch.float64, seed) for seed in range(2))
    tape = lstm(Writer(2))
    assert tape is not None
    found = extended(scan(tape, [a, b], steps=6).values, 6)
    torch.testing.assert_close(found[-1], torch.sigmoid(a[-1]) * 2 * b[-1], rtol=0, atol=1e-6)


def test_a_source_that_nobody_needs_takes_the_estimates() -> None:
    x = numbers((3, 2, 3000), torch.float32)
    expected = scan(tape_of("relu", 1), [x.clone()]).values
    found = scan(tape_of("relu", 1), [x], spare=(0,)).values
    assert torch.equal(found, expected)
    assert found.data_ptr() == x.data_ptr()
    fewer = numbers((2, 2, 3000), torch.float32)
    kept = fewer.clone()
    scan(tape_of("relu", 1), [fewer], spare=(0,))  # three steps do not fit into two rows
    assert torch.equal(fewer, kept)


@pytest.mark.parametrize("width", [64, 256, 2500, 3])
def test_parts_of_a_wider_tensor(width: int) -> None:
    whole = numbers((3, 5, 2 * width), torch.float32)
    parts = list(whole.split(width, -1))
    tape = tape_of("mul", 2)
    expected = scan(tape, [part.contiguous() for part in parts]).values
    before = whole.clone()
    assert torch.equal(scan(tape, parts, spare=(0,)).values, expected)
    assert torch.equal(whole, before)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_arrays_in_every_layout(memory: torch.memory_format) -> None:
    x = numbers((2, 3, 6, 9, 7), torch.float32)
    laid = torch.stack([part.contiguous(memory_format=memory) for part in x])
    strides = laid[0].contiguous(memory_format=memory).stride()
    given = torch.empty_strided(x.shape, (x[0].numel(), *strides)).copy_(x)
    for array in (torch.randn(6, 1, 1), torch.randn(1, 6, 1, 1), torch.randn(6, 9, 7), torch.randn(7)):
        writer = Writer(1, 1)
        tape = writer.tape(writer.emit("add", writer.source(0), writer.array(0)))
        assert tape is not None
        found = scan(tape, [given], arrays=(array,)).values
        expected = scan(tape_of("add", 2), [x, array.expand(x.shape)]).values
        assert torch.equal(found, expected)
        assert found[0].stride() == strides


def test_the_peak() -> None:
    x = numbers((2, 2, 5000), torch.float32)
    x[0, 0, 7] = math.nan
    found = scan(tape_of("neg", 1), [x])
    assert found.peak == float(found.state.v.nan_to_num(0).abs().max())


def test_a_tape_has_so_many_rows() -> None:
    writer = Writer(1)
    value = writer.source(0)
    for _ in range(23):
        value = writer.emit("neg", value)
    assert writer.tape(value) is not None
    assert writer.tape(writer.emit("neg", value)) is None
    assert Writer(5).tape(("source", 0)) is None
