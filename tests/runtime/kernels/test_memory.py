"""No kernel reads what does not fit: types, shapes, devices and strides are checked where pointers are taken."""

from typing import Any

import pytest
import torch

from onnx2snn_runtime.dynamics.base import State
from onnx2snn_runtime.errors import ModelError
from onnx2snn_runtime.kernels.memory import address, check_chunk, is_dense, ordered
from onnx2snn_runtime.kernels.plans import Plan

V = torch.zeros(2, 3)
CHUNKS: dict[str, tuple[dict[str, Any], str]] = {
    "another type": ({"target": torch.zeros(4, 2, 3, dtype=torch.float64)}, "target of float64 for a state of float32"),
    "integers": ({"target": torch.zeros(4, 2, 3, dtype=torch.int64)}, "a target of int64 for a state of float32"),
    "another shape": ({"target": torch.zeros(4, 3, 2)}, r"shape \(4, 3, 2\) for neurons of the shape \(2, 3\)"),
    "fewer axes": ({"target": torch.zeros(4)}, r"a target of the shape \(4,\) for neurons"),
    "no axis": ({"target": torch.zeros(())}, r"a target of the shape \(\) for neurons"),
    "another device": ({"target": torch.zeros(4, 2, 3, device="meta")}, "a target on meta for a state on cpu"),
    "no row": ({"target": torch.zeros(0, 2, 3)}, "0 targets and 4 entries of a table for 4 steps"),
    "no step": ({"steps": 0}, "for 0 steps"),
    "short table": ({"table": (1.0,)}, "4 targets and 1 entries of a table for 4 steps"),
    "state of another shape": ({"state": torch.zeros(2, 2)}, r"a state of the shape \(2, 2\) for neurons"),
    "state of another type": ({"state": torch.zeros(2, 3).double()}, "a state of float64 beside one of float32"),
    "state of another device": ({"state": torch.zeros(2, 3, device="meta")}, "a state on meta for a state on cpu"),
}


@pytest.mark.parametrize("case", CHUNKS)
def test_a_chunk_that_does_not_fit_is_refused(case: str) -> None:
    changes, message = CHUNKS[case]
    given: dict[str, Any] = {"target": torch.zeros(4, 2, 3), "steps": 4, "table": (1.0,) * 4, "state": V} | changes
    plan = Plan(State(V, (given["state"],)), 1.0, given["table"])
    with pytest.raises(ModelError, match=message) as caught:
        check_chunk(plan, given["target"], given["steps"], ())
    assert "run with executor='step', and report this network" in str(caught.value)


def test_a_chunk_that_fits_is_taken() -> None:
    check_chunk(Plan(State(V, (V,)), 1.0, (1.0,) * 4), torch.zeros(2, 2, 3), 4, ())
    check_chunk(Plan(State(V), 1.0, (1.0,) * 4), torch.zeros(4, 2, 3, dtype=torch.float16), 4, (torch.float16,))


@pytest.mark.parametrize(
    ("tensor", "dtype", "count"),
    [
        (torch.zeros(6), torch.float64, 6),
        (torch.zeros(6), torch.float32, 7),
        (torch.zeros(2, 3).t(), torch.float32, 6),
        (torch.zeros(1).expand(6), torch.float32, 6),
        (torch.zeros(6, device="meta"), torch.float32, 6),
    ],
)
def test_an_address_is_of_numbers_in_a_row(tensor: torch.Tensor, dtype: torch.dtype, count: int) -> None:
    with pytest.raises(ModelError, match=rf"{count} of {str(dtype)[6:]} in a row on the CPU are needed"):
        address(tensor, dtype, count)


def test_an_address_is_where_the_numbers_lie() -> None:
    x = torch.zeros(2, 3)
    assert address(x, torch.float32, 6) == x.data_ptr()


@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (1, 4, 1, 6), (3, 1, 5, 6), (3, 4, 0, 6)])
def test_an_address_in_the_order_of_the_numbers(shape: tuple[int, ...]) -> None:
    x = torch.zeros(shape).to(memory_format=torch.channels_last)
    rows = torch.zeros(2, *shape).as_strided((2, *shape), (x.numel(), *x.stride()))
    assert address(x, torch.float32, x.numel(), x.stride()) == x.data_ptr()
    assert address(rows, torch.float32, 2 * x.numel(), x.stride()) == rows.data_ptr()


@pytest.mark.parametrize(
    "other",
    [torch.zeros(3, 4, 5, 6), torch.zeros(3, 5, 6, 8).permute(0, 3, 1, 2)[:, :4], torch.zeros(1).expand(3, 4, 5, 6)],
)
def test_an_address_in_another_order_is_refused(other: torch.Tensor) -> None:
    strides = torch.zeros(3, 4, 5, 6).to(memory_format=torch.channels_last).stride()
    with pytest.raises(ModelError, match="360 of float32 in a row on the CPU are needed"):
        address(other, torch.float32, 360, strides)


def test_dense() -> None:
    x = torch.zeros(2, 3, 4, 5)
    assert all(map(is_dense, (x, x.permute(3, 0, 2, 1), x[:1], x[..., None], torch.zeros(()), torch.zeros(2, 0, 3).mT)))
    assert not any(map(is_dense, (x[:, :2], x[..., ::2], x[:, :1].expand(2, 3, 4, 5), x[..., :4])))
    assert ordered(x, x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2).stride()).stride() == (60, 1, 15, 3)
