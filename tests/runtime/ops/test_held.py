"""Numbers of a graph are put on a device once, by their bits."""

import math

import pytest
import torch

from onnx2snn_runtime.ops import find_operator
from onnx2snn_runtime.ops.held import on_device

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64])
def test_numbers_are_those_of_a_tensor(dtype: torch.dtype) -> None:
    numbers = [0, -3, 7] if not dtype.is_floating_point else [0.1, -0.0, math.inf, 1 / 3]
    made, expected = on_device(numbers, dtype, CPU), torch.tensor(numbers, dtype=dtype)
    assert made.dtype == dtype
    assert torch.equal(made, expected)
    assert on_device(numbers, dtype, CPU) is made


def test_equal_numbers_of_other_bits_are_others() -> None:
    zero, minus = (on_device([x], torch.float32, CPU) for x in (0.0, -0.0))
    assert torch.signbit(torch.cat([zero, minus])).tolist() == [False, True]
    assert on_device([math.nan], torch.float32, CPU) is on_device([math.nan], torch.float32, CPU)


@pytest.mark.parametrize(
    ("name", "operands", "options"),
    [
        ("MatMul", [(2, 3), (3, 2)], {}),
        ("Gemm", [(2, 3), (2, 3), (2,)], {"transB": 1}),
        ("Einsum", [(2, 3), (3, 2)], {"equation": "ij,jk->ik"}),
    ],
)
def test_integers_off_the_cpu_are_multiplied_as_doubles(
    name: str, operands: list, options: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch multiplies no integer matrices on CUDA, which shows there alone: neither fake nor meta tensors tell."""
    seen = []
    for function in ("matmul", "einsum"):
        own = getattr(torch, function)

        def watched(*given, own=own, **more):
            seen.extend(x.dtype for x in given if isinstance(x, torch.Tensor))
            return own(*given, **more)

        monkeypatch.setattr(torch, function, watched)
    handler = find_operator(name, 17).function
    given = [torch.ones(shape, dtype=torch.int32, device="meta") for shape in operands]
    y = handler(*given, **options)
    assert (y.dtype, tuple(y.shape)) == (torch.int32, (2, 2))
    assert set(seen) == {torch.float64}
    here = handler(*[torch.full(shape, 3, dtype=torch.int32) for shape in operands], **options)
    assert here.dtype == torch.int32
    assert here.flatten()[0] == 27 + 3 * (name == "Gemm")
