"""Functions of neurons as tapes: what has instructions gives what its handler gives; other operators have none."""

from unittest.mock import patch

import numpy as np
import pytest
import torch
from onnx import parser

from onnx2snn_runtime.batches.memory import MemoryPlan
from onnx2snn_runtime.dynamics.base import Neuron, State
from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.execution.functions import RULES, Function, function_of
from onnx2snn_runtime.execution.plan import _fresh
from onnx2snn_runtime.kernels import compiling
from onnx2snn_runtime.kernels.differential import DifferentialScan
from onnx2snn_runtime.program.fusion import KNOWN, shorten
from onnx2snn_runtime.program.interpreter import Call, Frame, bind, call
from tests.runtime.networks import CNN, PRODUCT, network, sample

compiled = pytest.mark.skipif(compiling.unavailable("functions") is not None, reason="there is no C compiler")
CONSTANTS = {"c": torch.tensor(0.75), "d": torch.tensor([-1.5]), "s": torch.tensor([0.5, 0.25, -2.0]).reshape(3, 1)}
TEXTS = {
    "Add": "y = Add(x, z)", "Sub": "y = Sub(x, s)", "Mul": "y = Mul(s, x)", "Div": "y = Div(x, c)", "Neg": "y = Neg(x)",
    "Abs": "y = Abs(x)", "Sqrt": "a = Abs(x)  y = Sqrt(a)", "Exp": "y = Exp(x)", "Sigmoid": "y = Sigmoid(x)",
    "Tanh": "y = Tanh(x)", "Erf": "y = Erf(x)", "Relu": "y = Relu(x)", "Max": "y = Max(x, z, c)", "Min": "y = Min(x)",
    "Sum": "y = Sum(x, z, s)",
    "Identity": "a = Identity(x)  y = Identity(a)", "Reciprocal": "a = Exp(x)  y = Reciprocal(a)",
    "Clip": "y = Clip(x, d, c)", "Clip low": "y = Clip(x, d)", "Clip high": 'y = Clip(x, "", c)', "Gelu": "y = Gelu(x)",
    "Gelu tanh": 'y = Gelu<approximate = "tanh">(x)', "HardSigmoid": "y = HardSigmoid<alpha = 0.25>(x)",
    "HardSwish": "y = HardSwish(x)", "LeakyRelu": "y = LeakyRelu<alpha = 0.125>(x)", "PRelu": "y = PRelu(x, s)",
    "Swish": "y = Swish(x)", "Swish alpha": "y = Swish<alpha = 1.5>(x)",
    "gates": "a = Sigmoid(x) b = Tanh(z) y = Mul(a, b)",
    "SwiGLU": "y = SwiGLU(x, z)",
}  # fmt: skip


def calls(text: str, opset: int = 24) -> list[Call]:
    graph = parser.parse_graph(f"g (float[N, 3, 40] x, float[N, 3, 40] z) => (float y) {{ {text} }}")
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = "" if name == '""' else name
    return [bind(node, {"": opset}, frozenset("xz")) for node in graph.node]


def tape(body: list[Call]) -> Function | None:
    used = {name for item in body for name in item.inputs}
    return function_of(body, "y", ("x", "z"), {name: v for name, v in CONSTANTS.items() if name in used})


def by_torch(body: list[Call], x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    frame = Frame(x.dtype, x.device, {"x": x, "z": z, **CONSTANTS})
    for item in body:
        call(item, frame)
    y: torch.Tensor = frame.values["y"]
    return y


@compiled
@pytest.mark.parametrize("label", TEXTS)
def test_what_the_handlers_compute(label: str) -> None:
    body = calls(TEXTS[label].replace('Clip(x, "", c)', "Clip(x, , c)"))
    function = tape(body)
    assert function is not None
    x, z = (torch.randn(1, 2, 3, 40, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert function.fits([x, z], torch.float32)
    state, finest = State(torch.zeros(2, 3, 40)), Differential(levels=100, mantissa=23)
    found = DifferentialScan().scan(finest, x, state, 6, 1, Neuron(64.0), None, function=function.of([z])).values[-1]
    torch.testing.assert_close(found, by_torch(body, x[0], z[0]), rtol=4e-7, atol=1e-6)


def test_every_rule_is_tried() -> None:
    assert {label.split()[0] for label in TEXTS if label != "gates"} == set(RULES)


@pytest.mark.parametrize(
    ("text", "opset"),
    [
        ("y = Softplus(x)", 17), ("y = PRelu(x, s)", 6), ("y = Clip<max = 1.0>(x)", 6), ("y = MatMul(x, z)", 17),
        ("y = Add<axis = 1, broadcast = 1>(x, s)", 6), ("y = Softmax(x)", 17), ("a, y = Split(x)", 17),
    ],
)  # fmt: skip
def test_what_has_no_tape(text: str, opset: int) -> None:
    assert tape(calls(text, opset)) is None


def test_what_a_function_fits() -> None:
    function = tape(calls("a = Add(x, z)  y = Mul(a, s)"))
    assert function is not None
    x = torch.zeros(4, 2, 3, 40)
    assert function.fits([x, x[:1]], torch.float32)
    assert not function.fits([x, x.double()], torch.float32)
    assert not function.fits([x.double(), x.double()], torch.float16)
    assert not function.fits([x, x[:, :1]], torch.float32)  # samples that broadcast
    assert not function.fits([x.mT, x.mT], torch.float32)  # the array is of other neurons


@pytest.mark.parametrize("index", range(len(KNOWN)))
def test_known_functions_keep_their_factor(index: int) -> None:
    name, function = KNOWN[index]
    text = {0: "a = Div(x, c) e = Erf(a) b = Mul(x, e) y = Add(x, b)"}.get(index)
    short = shorten(tuple(calls(text)), ("x", "c"), [torch.tensor(2.0).sqrt()]) if text else None
    assert (short is None) == (text is None)
    if short is not None:
        made = function_of([short], "y", ("x",), {})
        assert made is not None
        assert (name, made.tape.numbers) == ("Gelu", (2.0,))
        assert float(function(torch.tensor(0.0))) == 0


def test_estimates_are_not_written_over_what_is_read_again() -> None:
    assert _fresh(network(CNN).program) == frozenset({"r", "c"})  # a is computed once a run, h is an estimate
    assert "m" not in _fresh(network(PRODUCT).program)


@pytest.mark.parametrize("text", [CNN, PRODUCT])
def test_the_same_again_and_as_step(text: str) -> None:
    snn = network(text, dyadic=True)
    x = sample(snn, 3, dyadic=True)
    first, again = (snn.run(x, [1, 2, 4]) for _ in range(2))
    for t in (1, 2, 4):
        np.testing.assert_array_equal(first.outputs[t], again.outputs[t])
    np.testing.assert_allclose(again.outputs[4], snn.run(x, 4, executor="step").outputs[4], rtol=0, atol=1e-5)


TWO_CURRENTS = """two (float[N, 4] x) => (float[N, 4] y) <float[4, 4] w, float[4, 4] u, float[4, 4] v, float[4, 4] o>
{ a = MatMul(x, w)  h = onnx2snn.SpikingRelu(a)  b = MatMul(h, u)  c = MatMul(h, v)  p = onnx2snn.SpikingMul(b, c)
  y = MatMul(p, o) }"""


@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_what_probes_were_shown_is_not_written_over(chunk: int) -> None:
    snn = network(TWO_CURRENTS, dyadic=True).double()
    x = sample(snn, 3, dyadic=True)
    expected = snn.run(x, 5, executor="step", operations=True)
    with patch("onnx2snn_runtime.batches.run.plan_memory", return_value=MemoryPlan(3, chunk)):
        found = snn.run(x, 5, operations=True)
    assert found.operations[5] == expected.operations[5]
    np.testing.assert_array_equal(found.outputs[5], expected.outputs[5])
