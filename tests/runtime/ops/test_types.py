"""Handlers in every float type: outputs have the type of the inputs, values agree within its precision."""

import pytest
import torch

from onnx2snn_runtime.ops import find_operator
from tests.runtime.ops.nodes import Call, calls

pytestmark = pytest.mark.filterwarnings("ignore")

TOLERANCE = {torch.float64: 1e-4, torch.float16: 0.03, torch.bfloat16: 0.1}
LEFT_OUT = {
    "BitCast": "the widths of the types differ",
    "LayerNormalization": "mean and deviation have the type of stash_type",
    "Bernoulli": "random numbers",
}
OVERFLOW = {"test_logsoftmax_large_number", "test_softmax_large_number", "test_dequantizelinear_e5m2"} | {
    "test_reduce_prod_default_axes_keepdims_example"
}
_CALLS = [
    c
    for c in calls()
    if c.operator.name not in LEFT_OUT
    and c.name not in OVERFLOW
    and any(c.inputs[i].dtype == torch.float32 for i in c.tensors())
]


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("call", _CALLS, ids=lambda c: c.name)
def test_type(call: Call, dtype: torch.dtype) -> None:
    expected = call()
    actual = call({i: call.inputs[i].to(dtype) for i in call.tensors() if call.inputs[i].dtype == torch.float32})
    for want, have in zip(expected, actual, strict=True):
        if not isinstance(want, torch.Tensor):
            continue
        assert have.dtype == (dtype if want.dtype == torch.float32 else want.dtype)
        if want.dtype == torch.float32 and want.numel() and want.shape == have.shape:
            size = max(1.0, float(want.nan_to_num(0, 0, 0).abs().max()))
            atol = TOLERANCE[dtype] * size
            torch.testing.assert_close(have.double(), want.double(), rtol=TOLERANCE[dtype], atol=atol, equal_nan=True)


def test_the_least_integer_by_minus_one_wraps() -> None:
    """As C's division would die of it, and NumPy's wraps."""
    least = torch.iinfo(torch.int32).min
    a, b = (torch.tensor(values, dtype=torch.int32) for values in ([least, 7, -7], [-1, -2, -1]))
    assert find_operator("Div", 17).function(a, b).tolist() == [least, -3, 7]
    a, b = (torch.tensor(values, dtype=torch.uint8) for values in ([255, 7], [255, 2]))
    assert find_operator("Div", 17).function(a, b).tolist() == [1, 3]
