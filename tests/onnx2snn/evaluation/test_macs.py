"""Multiply-adds from shapes, also where that of an activation is not known."""

from typing import Any

import pytest
from onnx import helper

from onnx2snn.evaluation.macs import multiply_adds


def count(op: str, x: tuple[int, ...], w: tuple[int, ...], y: tuple[int, ...], **attributes: Any) -> int | None:
    node = helper.make_node(op, ["x", "w"], ["y"], **attributes)
    return multiply_adds(node, {"x": x, "w": w, "y": y})


@pytest.mark.parametrize(
    ("op", "x", "w", "y", "attributes", "expected"),
    [
        ("Gemm", (1, 6), (6, 4), (1, 4), {}, 24),
        ("Gemm", (1, 6), (4, 6), (1, 4), {"transB": 1}, 24),
        ("Gemm", (), (4, 6), (1, 4), {"transB": 1}, 24),
        ("MatMul", (1, 5, 6), (6, 4), (1, 5, 4), {}, 120),
        ("MatMul", (), (6, 4), (1, 5, 4), {}, 120),
        ("MatMul", (1, 6), (6,), (1,), {}, 6),
        ("Conv", (1, 3, 8, 8), (5, 3, 3, 3), (1, 5, 6, 6), {}, 5 * 36 * 27),
        ("Relu", (1, 3), (1,), (1, 3), {}, None),
    ],
)
def test_sums_of_products(
    op: str,
    x: tuple[int, ...],
    w: tuple[int, ...],
    y: tuple[int, ...],
    attributes: dict[str, int],
    expected: int | None,
) -> None:
    assert count(op, x, w, y, **attributes) == expected
