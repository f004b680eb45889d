"""Local functions, and ONNX's own where there is no handler, become their bodies."""

import onnx
import pytest

from onnx2snn.passes.repairs.inline_functions import inline_functions
from onnx2snn_runtime.ir.operators import is_supported
from tests.onnx2snn.passes.rewriting import apply, lines, model, same_results, work_on

FUNCTIONS = """
<domain: "my", opset_import: ["" : 17]>
Leaky <alpha: float = 0.25> (x) => (y) { y = LeakyRelu<alpha: float = @alpha>(x) }
<domain: "my", opset_import: ["" : 17, "my" : 1]>
Block (x, w) => (y) { h = MatMul(x, w)  y = my.Leaky(h) }
"""


def test_before_and_after_with_the_defaults_of_attributes() -> None:
    text = """net (float[N, 2] x) => (float[N, 2] y) <float[2, 2] w>
    { a = my.Block(x, w)  b = my.Leaky<alpha = 0.5>(a)  y = my.Leaky(b) }"""
    before = model(text, functions=FUNCTIONS)
    work, sites = apply(before, inline_functions, inline_functions)
    assert sites == [2, 0]
    assert not work.model.functions
    found = [line.split(" = ")[1] for line in lines(work.model)]
    assert [line.split("(")[0] for line in found] == ["MatMul", "LeakyRelu", "LeakyRelu", "LeakyRelu"]
    assert [line.split("alpha ")[1] for line in found[1:]] == ["0.25]", "0.5]", "0.25]"]
    same_results(before, work.model)


def test_function_operators_without_a_handler_are_expanded() -> None:
    before = model("net (float[N, 4] x) => (float[N, 4] y) { a = Celu(x)  y = HardSwish(a) }")
    work = work_on(before)
    work.supported = lambda domain, name, opset: name != "HardSwish" and is_supported(domain, name, opset)
    assert [inline_functions(work), inline_functions(work)] == [1, 0]
    assert [node.op_type for node in work.model.graph.node] == ["Celu", "HardSigmoid", "Mul"]
    same_results(before, work.model, tolerance=1e-6)


@pytest.mark.parametrize("text", ["y = Relu(x)", "y = Gelu(x)"])
def test_nothing_to_do(text: str) -> None:
    before = model(f"net (float[N, 4] x) => (float[N, 4] y) {{ {text} }}", opset=20)
    work, sites = apply(before, inline_functions)
    assert sites == [0]
    assert isinstance(work.model, onnx.ModelProto)
    assert lines(work.model) == lines(before)
