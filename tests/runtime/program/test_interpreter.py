"""Nodes, values and changes: types meet, host numbers are lists, and what travels is the difference of two values."""

from typing import Any

import numpy as np
import pytest
import torch
from onnx import AttributeProto, helper, numpy_helper

from onnx2snn_runtime.errors import InputError, ModelError, UnsupportedError
from onnx2snn_runtime.ir.operators import facts, operators_with
from onnx2snn_runtime.program.interpreter import Call, Frame, bind, call, call_linear, compute, fetch, to_tensor
from tests.runtime.synapses import EXAMPLES, NEWEST, OPSETS

CPU = torch.device("cpu")


def node(op: str, varying: set[int], seed: int = 0) -> tuple[Call, list[Any]]:
    """Return the example of `op`, bound, and its inputs."""
    inputs, attributes = EXAMPLES[op]
    names = [f"i{i}" if value is not None else "" for i, value in enumerate(inputs)]
    made = helper.make_node(op, names, ["y", "z"] if op == "Split" else ["y"], name="n", **attributes)
    random = torch.Generator().manual_seed(seed)
    values: list[Any] = [
        torch.randn(value, generator=random, dtype=torch.float64)
        if isinstance(value, tuple)
        else value
        if value is None
        else torch.from_numpy(np.asarray(value))
        for value in inputs
    ]
    moving = frozenset(names[i] for i in varying)
    return bind(made, {"": OPSETS.get(op, NEWEST)}, moving), values


def cases() -> list[tuple[str, tuple[int, ...]]]:
    """Return every operator with each input that may spike alone, and with all that may together."""
    found = []
    for op, (inputs, _) in EXAMPLES.items():
        able = [i for i, value in enumerate(inputs) if isinstance(value, tuple) and facts(op).role(i) in "tf"]
        factors = [i for i in able if facts(op).role(i) == "f"]
        sets = [(i,) for i in able] + [tuple(i for i in able if i not in factors[1:])]
        if op == "BatchNormalization":  # the mean is scaled: not together with the scale or alone
            sets = [(0,)]
        found += [(op, each) for each in dict.fromkeys(sets)]
    return found


def test_every_row_has_an_example() -> None:
    assert EXAMPLES.keys() == operators_with("affine")


@pytest.mark.parametrize(("op", "varying"), cases())
def test_call_linear_is_the_difference_of_two_values(op: str, varying: tuple[int, ...]) -> None:
    item, values = node(op, set(varying))
    frame, moved, deltas = (Frame(torch.float64, CPU) for _ in range(3))
    for i, value in enumerate(values):
        frame.set(item.inputs[i], value)
        moved.set(item.inputs[i], value)
        if i in varying:
            change = torch.randn(value.shape, generator=torch.Generator().manual_seed(i), dtype=torch.float64)
            deltas.set(item.inputs[i], change)
            moved.set(item.inputs[i], value + change)
    call(item, frame)
    call(item, moved)
    call_linear(item, frame, deltas)
    for name in item.outputs:
        expected = moved.values[name] - frame.values[name]
        assert expected.abs().max() > 0
        torch.testing.assert_close(deltas.values[name], expected, rtol=1e-9, atol=1e-9)


def test_a_nonlinear_node_is_no_synapse() -> None:
    item = bind(helper.make_node("Relu", ["x"], ["y"], name="r"), {"": 17}, frozenset({"x"}))
    with pytest.raises(ModelError, match="the Relu node 'r' is no synapse"):
        call_linear(item, Frame(torch.float32, CPU), Frame(torch.float32, CPU))


def test_floating_point_values_meet_in_the_type_of_the_frame() -> None:
    frame = Frame(torch.float32, CPU)
    for name, kind in {"d": torch.float64, "h": torch.float16, "b": torch.bfloat16, "f": torch.float32}.items():
        frame.set(name, torch.ones(2, dtype=kind))
        assert frame.get(name).dtype == torch.float32
    frame.set("i", torch.ones(2, dtype=torch.int32))
    frame.set("m", torch.ones(2, dtype=torch.bool))
    assert (frame.get("i").dtype, frame.get("m").dtype) == (torch.int32, torch.bool)
    assert frame.get("") is None
    call(bind(helper.make_node("Add", ["d", "h"], ["y"]), {"": 17}), frame)
    assert frame.values["y"].dtype == torch.float32
    assert frame.values["d"].dtype == torch.float64


def test_host_inputs_are_lists_and_numbers() -> None:
    frame = Frame(torch.float32, CPU)
    frame.set("x", torch.zeros(2, 6))
    frame.set("s", torch.tensor([3, 4]))
    frame.set("one", torch.tensor(1))
    item = bind(helper.make_node("Reshape", ["x", "s"], ["y"]), {"": 17})
    assert fetch(item, frame, 1) == [3, 4]
    assert frame.host_value("s") is frame.host_value("s")
    frame.set("s", torch.tensor([4, 3]))  # a new value is listed anew
    call(item, frame)
    assert frame.values["y"].shape == (4, 3)
    trilu = bind(helper.make_node("Unsqueeze", ["x", "one"], ["y"]), {"": 17})
    assert fetch(trilu, frame, 1) == [1]
    cumsum = bind(helper.make_node("CumSum", ["x", "one"], ["y"]), {"": 17})
    assert fetch(cumsum, frame, 1) in (1, [1])


def test_errors_name_the_node() -> None:
    frame = Frame(torch.float32, CPU)
    frame.set("x", torch.zeros(2, 3))
    frame.set("w", torch.zeros(2, 3))
    with pytest.raises(ModelError, match="the MatMul node 'm' cannot be computed: mat1 and mat2 shapes cannot be"):
        call(bind(helper.make_node("MatMul", ["x", "w"], ["y"], name="m"), {"": 17}), frame)
    with pytest.raises(ModelError, match="the MatMul node 'y' cannot be computed"):
        call(bind(helper.make_node("MatMul", ["x", "w"], ["y"]), {"": 17}), frame)
    with pytest.raises(ModelError, match=r"the Relu node 'r' cannot be computed: .* keyword argument 'speed'"):
        call(bind(helper.make_node("Relu", ["x"], ["y"], name="r", speed=3), {"": 17}), frame)
    item = bind(helper.make_node("Relu", ["x"], ["y"], name="r"), {"": 17})
    for error, said in ((KeyError("mode"), "KeyError 'mode'"), (ZeroDivisionError("by 0"), "ZeroDivisionError by 0")):

        def fails(x: object, error: Exception = error) -> None:
            raise error

        with pytest.raises(ModelError, match=f"the Relu node 'r' cannot be computed: {said}"):
            compute(item, [None], fails)
    with pytest.raises(UnsupportedError, match=r"a\.onnx holds a com\.example\.Magic node 'm' that has no handler"):
        bind(helper.make_node("Magic", ["x"], ["y"], name="m", domain="com.example"), {"": 17}, where="a.onnx")


def test_attributes() -> None:
    def attributes(**given: Any) -> dict[str, Any]:
        return dict(bind(helper.make_node("Relu", ["x"], ["y"], **given), {"": 17}).attributes)

    tensor = numpy_helper.from_array(np.array([1.5, 2], np.float32))
    found = attributes(i=3, f=0.5, s="größer", ints=[1, 2], floats=[0.5], strings=["a", "ü"], tensor=tensor)
    assert torch.equal(found.pop("tensor"), torch.tensor([1.5, 2.0]))
    assert found == {"i": 3, "f": 0.5, "s": "größer", "ints": [1, 2], "floats": [0.5], "strings": ["a", "ü"]}
    graph = helper.make_graph([], "body", [], [])
    with pytest.raises(UnsupportedError, match="the control-flow subgraph 'body'"):
        attributes(then_branch=graph)
    linked = helper.make_node("Relu", ["x"], ["y"])
    linked.attribute.append(AttributeProto(name="alpha", ref_attr_name="outer", type=AttributeProto.FLOAT))
    with pytest.raises(UnsupportedError, match="the linked attribute 'alpha': inline it first"):
        bind(linked, {"": 17})


def test_to_tensor() -> None:
    import ml_dtypes

    for kind in (np.float32, np.float64, np.float16, np.int8, np.int64, np.uint8, np.bool_, ml_dtypes.bfloat16):
        array = np.array([[0, 1], [1, 1]]).astype(kind)[:, ::-1]
        tensor = to_tensor(array)
        assert tensor.shape == (2, 2)
        assert tensor.tolist() == array.astype(np.float64).tolist()
        array[0, 0] = 0  # the tensor is a copy
        assert tensor[0, 0] == 1
    assert to_tensor(np.array(2.5)).shape == ()
    with pytest.raises(InputError, match="a tensor of strings cannot be computed with"):
        to_tensor(np.array(["a"]))
    with pytest.raises(InputError, match="torch has no numbers of the type float4_e2m1fn: convert them"):
        to_tensor(np.zeros(2, ml_dtypes.float4_e2m1fn))


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "sentence"),
    [
        ("Pad", ["x", "sizes"], {"mode": "edge"}, "the Pad node 'n' is given the size 2147483647, and no axis"),
        ("Expand", ["x", "sizes"], {}, "the Expand node 'n' is given the size 2147483647"),
        ("Tile", ["x", "sizes"], {}, "the Tile node 'n' is given the size 2147483647"),
        ("ConstantOfShape", ["sizes"], {}, "the ConstantOfShape node 'n' is given the size"),
        ("Range", ["zero", "most", "one"], {}, r"has more than 2\^30 numbers: the file is damaged \(in the Range node"),
    ],
)
def test_a_size_that_no_axis_has_is_refused_before_it_is_made(op, inputs, attributes, sentence) -> None:
    item = bind(helper.make_node(op, inputs, ["y"], name="n", **attributes), {"": NEWEST})
    frame = Frame(torch.float32, CPU)
    values = {"x": torch.ones(1, 2), "sizes": torch.tensor([0, 2147483647, 0, 1][: 4 if op == "Pad" else 2])}
    values |= {"zero": torch.tensor(0), "one": torch.tensor(1), "most": torch.tensor(2147483647)}
    frame.values.update(values)
    with pytest.raises(ModelError, match=sentence):
        call(item, frame)


def test_the_end_of_a_slice_may_be_any_number() -> None:
    item = bind(helper.make_node("Slice", ["x", "zero", "most"], ["y"], name="n"), {"": NEWEST})
    frame = Frame(torch.float32, CPU)
    frame.values.update(x=torch.ones(3), zero=torch.tensor([1]), most=torch.tensor([2**63 - 1]))
    call(item, frame)
    assert frame.values["y"].shape == (2,)
