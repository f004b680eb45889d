"""Handlers compute on the device of their inputs: torch's meta device stands in for one that is not the host."""

import pytest
import torch

from onnx2snn_runtime.ir.operators import operators_with
from tests.runtime.ops.nodes import Call, calls
from tests.runtime.ops.waiting import CONTROL, ON_HOST, SHAPED_BY_DATA, SOMETIMES, WAITS

pytestmark = pytest.mark.filterwarnings("ignore")

_ALL = [c for c in calls() if c.tensors()]
_CALLS = [c for c in _ALL if c.operator.name not in WAITS]
_WAITING = [c for c in _ALL if c.operator.name in WAITS]


def on_meta(call: Call) -> tuple[object, ...]:
    return call({i: call.inputs[i].to("meta") for i in call.tensors()})


@pytest.mark.parametrize("call", _CALLS, ids=lambda c: c.name)
def test_device(call: Call) -> None:
    expected = "cpu" if call.operator.name in ON_HOST else "meta"
    assert {x.device.type for x in on_meta(call) if isinstance(x, torch.Tensor)} <= {expected}


def test_operators_whose_shape_depends_on_data_are_listed_with_a_reason() -> None:
    assert operators_with("shaped_by_data") == SHAPED_BY_DATA.keys()
    assert all(len(why.split()) > 3 for why in (SHAPED_BY_DATA | CONTROL | SOMETIMES).values())


def test_what_waits_sometimes() -> None:
    given = [torch.zeros(shape, device="meta") for shape in ((1, 2, 8, 8), (3, 4))]
    (align,) = {c.operator.function for c in _ALL if c.operator.name in SOMETIMES and c.operator.since >= 16}
    rows = torch.zeros(3, dtype=torch.int64, device="meta")
    assert align(*given, rows, output_height=2, output_width=2, sampling_ratio=2).device.type == "meta"
    with pytest.raises(RuntimeError, match="meta"):
        align(*given, rows, output_height=2, output_width=2, sampling_ratio=0)


@pytest.mark.parametrize("name", sorted(WAITS.keys() - CONTROL.keys()))
def test_what_is_listed_waits(name: str) -> None:
    def waits(call: Call) -> bool:
        try:
            on_meta(call)
        except RuntimeError as error:
            return "meta" in str(error).lower()
        return False

    assert any(waits(call) for call in _WAITING if call.operator.name == name)
