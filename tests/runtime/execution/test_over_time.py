"""A chunk of time at once gives what its steps give one by one, whatever the strategy."""

import gc
import weakref

import pytest
import torch
from onnx import helper

from onnx2snn_runtime.execution.over_time import map_call
from onnx2snn_runtime.kernels.chunks import extended
from onnx2snn_runtime.program.interpreter import bind, compute

T = 7


def varying(*shape: int) -> torch.Tensor:
    return torch.randn(T, *shape, dtype=torch.float64)


def constant(*shape: int) -> torch.Tensor:
    """Return a constant; no first axis is as long as time, which tells the two apart."""
    return torch.randn(*shape, dtype=torch.float64)


CASES = [
    ("Conv", [varying(2, 3, 5, 5), constant(4, 3, 3, 3), constant(4)], {"pads": [1, 1, 1, 1]}),
    ("MaxPool", [varying(2, 3, 6, 6)], {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ("Gemm", [varying(2, 4), constant(5, 4), constant(5)], {"transB": 1}),
    ("Gemm", [varying(4, 2), constant(4, 5)], {"transA": 1}),
    ("MatMul", [varying(2, 3, 4), constant(4, 5)], {}),
    ("MatMul", [varying(2, 3, 4), varying(2, 4, 5)], {}),
    ("MatMul", [constant(2, 3, 4), varying(2, 4, 5)], {}),
    ("MatMul", [varying(4), constant(4, 5)], {}),
    ("Add", [varying(2, 3), varying(2, 3)], {}),
    ("Add", [varying(2, 3), constant(2, 3)], {}),
    ("Add", [varying(2, 3), varying(3)], {}),
    ("Mul", [varying(2, 3, 4), constant(3, 1)], {}),
    ("Softmax", [varying(2, 3, 4)], {"axis": -1}),
    ("Softmax", [varying(2, 3)], {"axis": 0}),
    ("LayerNormalization", [varying(2, 3, 4), constant(4), constant(4)], {}),
    ("Transpose", [varying(2, 3, 4)], {"perm": [0, 2, 1]}),
    ("Transpose", [varying(2, 3)], {}),
    ("Reshape", [varying(2, 3, 4), [0, -1]], {}),
    ("Reshape", [varying(2, 3, 4), [6, 4]], {}),
    ("Concat", [varying(2, 3), varying(2, 5)], {"axis": -1}),
    ("Concat", [varying(2, 3), constant(2, 5)], {"axis": 1}),
    ("Slice", [varying(2, 3, 4), [0], [2], [-1], [1]], {}),
    ("Slice", [varying(2, 3, 4), [1], [2]], {}),
    ("Split", [varying(2, 6)], {"axis": 1, "num_outputs": 2, "outputs": 2}),
    ("Gather", [varying(2, 3, 4), torch.tensor([2, 0])], {"axis": 1}),
    ("Gather", [varying(2, 3), torch.tensor(1)], {}),
    ("Unsqueeze", [varying(2, 3), [-1, 0]], {}),
    ("Squeeze", [varying(1, 3, 1), [0]], {}),
    ("Squeeze", [varying(1, 3, 1)], {}),
    ("ReduceMean", [varying(2, 3, 4), [-1]], {"keepdims": 0}),
    ("ReduceMean", [varying(2, 3, 4)], {}),
    ("ReduceMean", [varying(2, 3), []], {}),
    ("ReduceSum", [varying(2, 3), []], {"noop_with_empty_axes": 1}),
    ("Flatten", [varying(2, 3, 4)], {"axis": 1}),
    ("Resize", [varying(2, 3, 4, 5), None, [1.0, 1.0, 2.0, 1.5]], {}),
    ("Resize", [varying(2, 3, 4, 5), None, None, [2, 3, 7, 9]], {"mode": "linear"}),
    ("Resize", [varying(2, 3, 4, 5), None, [2.0, 0.6]], {"axes": [-2, -1], "mode": "cubic", "antialias": 1}),
    ("Resize", [varying(2, 3, 4, 5), None, [1.5, 1.0, 1.0, 1.0]], {}),
    ("Resize", [varying(2, 3, 4, 5), None, None, [8, 8]], {"axes": [2, 3], "keep_aspect_ratio_policy": "not_larger"}),
    ("Pad", [varying(2, 3, 4, 5), [0, 1, 0, 2, 0, 0, 1, -1]], {}),
    ("Pad", [varying(2, 3), [1, 0, 0, 1], 0.5], {}),
    ("Pad", [varying(2, 3, 4), [1, 2], None, [-1]], {"mode": "edge"}),
    ("Einsum", [varying(2, 3), constant(3, 4)], {"equation": "bi,ij->bj"}),
    ("Where", [torch.tensor([True, False, True]), varying(2, 3), constant(3)], {}),
]


@pytest.mark.parametrize(
    ("name", "arguments", "attributes"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_chunk_is_its_steps(name, arguments, attributes):
    torch.manual_seed(0)
    flags = [isinstance(a, torch.Tensor) and a.is_floating_point() and a.shape[0] == T for a in arguments]
    attributes = dict(attributes)
    outputs = ["y", "z"][: attributes.pop("outputs", 1)]
    node = helper.make_node(name, [f"x{i}" for i in range(len(arguments))], outputs, **attributes)
    item = bind(node, {"": 18})
    got = map_call(item, arguments, flags)
    for t in range(T):
        expected = compute(item, [a[t] if flag else a for a, flag in zip(arguments, flags, strict=True)])
        for one, whole in zip(as_tuple(expected), as_tuple(got), strict=True):
            torch.testing.assert_close(whole[t], one, rtol=1e-12, atol=1e-12)


def as_tuple(value):
    return value if isinstance(value, tuple) else (value,)


def test_what_vmap_cannot_map_is_computed_step_by_step():
    node = helper.make_node("NonZero", ["x"], ["y"])
    item = bind(node, {"": 18})
    x = torch.ones(T, 4, dtype=torch.float64)
    assert torch.equal(map_call(item, [x], [True]), torch.arange(4).expand(T, 1, 4))


@pytest.mark.parametrize(
    ("op", "arguments", "attributes"), [case for case in CASES if case[0] in ("Add", "MatMul", "Conv")]
)
def test_the_last_row_stands_for_the_steps_that_follow(op, arguments, attributes) -> None:
    flags = [isinstance(a, torch.Tensor) and len(a) == T for a in arguments]
    node = helper.make_node(op, [f"x{i}" for i in range(len(arguments))], ["y"], **attributes)
    item = bind(node, {"": 18})
    for rows in ((3, 5), (5, 1), (1, 1), (1, T)):
        lengths = iter(rows)
        short = [a[: next(lengths)] if flag else a for a, flag in zip(arguments, flags, strict=True)]
        whole = [extended(a, T) if flag else a for a, flag in zip(short, flags, strict=True)]
        found = map_call(item, short, flags)
        assert len(found) == max(len(a) for a, flag in zip(short, flags, strict=True) if flag)
        torch.testing.assert_close(extended(found, T), map_call(item, whole, flags))


@pytest.mark.parametrize(
    ("name", "arguments", "attributes"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_no_way_keeps_a_value(name, arguments, attributes):
    attributes = dict(attributes)
    outputs = ["y", "z"][: attributes.pop("outputs", 1)]
    item = bind(helper.make_node(name, [f"x{i}" for i in range(len(arguments))], outputs, **attributes), {"": 18})
    fresh = [a.clone() if isinstance(a, torch.Tensor) else a for a in arguments]
    flags = [isinstance(a, torch.Tensor) and a.is_floating_point() and a.shape[0] == T for a in fresh]
    watched = [weakref.ref(a) for a in fresh if isinstance(a, torch.Tensor)]
    map_call(item, fresh, flags)
    assert item.strategies
    del fresh
    gc.collect()
    assert not any(reference() is not None for reference in watched)
