"""The table of affine operators against the handlers, in every set of inputs that it lets spike."""

from itertools import combinations

import pytest
import torch

from onnx2snn_runtime.errors import ModelError
from onnx2snn_runtime.ir.linearity import is_affine, node_attributes
from onnx2snn_runtime.ir.operators import facts, operators_with
from onnx2snn_runtime.ops import find_operator
from onnx2snn_runtime.program.interpreter import Frame, call
from tests.runtime.program.test_interpreter import node
from tests.runtime.synapses import EXAMPLES, NEWEST, OPSETS

ROLES = {name: facts(name) for name in operators_with("affine")}


def at(op: str, changed: dict[int, torch.Tensor]) -> list[torch.Tensor]:
    item, values = node(op, set(changed))
    frame = Frame(torch.float64, torch.device("cpu"))
    for i, value in enumerate(values):
        frame.set(item.inputs[i], changed.get(i, value))
    call(item, frame)
    return [frame.values[name] for name in item.outputs]


def spiking_sets(op: str) -> list[tuple[int, ...]]:
    """Return every set of float inputs."""
    floats = [i for i, value in enumerate(EXAMPLES[op][0]) if isinstance(value, tuple)]
    return [chosen for size in range(1, len(floats) + 1) for chosen in combinations(floats, size)]


def is_really_affine(op: str, chosen: tuple[int, ...]) -> bool:
    """Return whether f(a + b) - f(0) = f(a) - f(0) + f(b) - f(0) for random a, b in the inputs `chosen`."""
    _, values = node(op, set(chosen))
    random = torch.Generator().manual_seed(7)
    a, b = ({i: torch.randn(values[i].shape, generator=random).double() for i in chosen} for _ in range(2))
    zero = {i: torch.zeros_like(values[i]) for i in chosen}
    try:
        f = [at(op, x) for x in ({i: a[i] + b[i] for i in chosen}, a, b, zero)]
    except ModelError:
        return False
    return all(
        torch.allclose(both - none, (one - none) + (two - none), rtol=0, atol=1e-9)
        for both, one, two, none in zip(*f, strict=True)
    )


@pytest.mark.parametrize("op", EXAMPLES)
def test_the_table_is_true(op: str) -> None:
    inputs, attributes = EXAMPLES[op]
    said = {}
    for chosen in spiking_sets(op):
        flags = [i in chosen for i in range(len(inputs))]
        said[chosen] = is_affine(op, flags, attributes=attributes)
        assert is_really_affine(op, chosen) or not said[chosen], f"{op} is not affine in the inputs {chosen}"
    assert any(said.values()), f"nothing of {op} may spike"


@pytest.mark.parametrize("op", ["Mul", "MatMul", "Einsum", "Conv", "Gemm", "Div"])
def test_a_product_of_two_spiking_factors_is_not_affine(op: str) -> None:
    assert not is_affine(op, [True, True, False])
    assert not is_really_affine(op, (0, 1))


def test_the_table_names_operators_that_have_handlers() -> None:
    for name in ROLES:
        assert find_operator(name, OPSETS.get(name, NEWEST)), name
    weighted = operators_with("weighted")
    assert ROLES.keys() >= weighted
    assert not operators_with("readout") & weighted
    assert not operators_with("after_readout") & weighted
    assert not operators_with("shape_only") & ROLES.keys()


def test_roles_of_inputs() -> None:
    assert [ROLES["Conv"].role(i) for i in range(4)] == ["f", "f", "t", "c"]
    assert [ROLES["Concat"].role(i) for i in range(4)] == ["t"] * 4
    assert not facts("Conv", "com.microsoft").affine
    assert facts("Conv", "ai.onnx") is ROLES["Conv"]
    assert not facts("Relu").affine


@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("Cast", {"to": 7}),
        ("BatchNormalization", {"training_mode": 1}),
        ("ScatterND", {"reduction": b"max"}),
        ("ScatterElements", {"reduction": "mul"}),
        ("RoiAlign", {"mode": b"max"}),
        ("Resize", {"coordinate_transformation_mode": b"tf_crop_and_resize"}),
    ],
)
def test_attributes_that_make_it_nonlinear(op: str, attributes: dict[str, object]) -> None:
    assert not is_affine(op, [True], attributes=attributes)


def test_attributes_of_a_node() -> None:
    from onnx import helper

    node = helper.make_node("Cast", ["x"], ["y"], to=1)
    assert node_attributes(node) == {"to": 1}
