"""Handlers compute on the device of their inputs: torch's meta device stands in for one that is not the host."""

import pytest
import torch

from tests.runtime.ops.nodes import Call, calls

pytestmark = pytest.mark.filterwarnings("ignore")

ON_HOST = {"Shape", "Size", "OptionalHasElement", "SequenceLength"}
READS_DATA = {"Compress", "NonMaxSuppression", "NonZero", "Range", "SplitToSequence", "Unique", "If", "Loop"}
_CALLS = [c for c in calls() if c.operator.name not in READS_DATA and c.tensors()]


@pytest.mark.parametrize("call", _CALLS, ids=lambda c: c.name)
def test_device(call: Call) -> None:
    outputs = call({i: call.inputs[i].to("meta") for i in call.tensors()})
    expected = "cpu" if call.operator.name in ON_HOST else "meta"
    assert {x.device.type for x in outputs if isinstance(x, torch.Tensor)} <= {expected}
