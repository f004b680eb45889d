"""What a spike meets is worked out once for the positions of a recurrence, which share their weights."""

from typing import Any

import pytest

from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.probing import reach
from tests.runtime.program.test_unrolling import model, samples, written_out


def test_positions_share_their_fans(monkeypatch: pytest.MonkeyPatch) -> None:
    made, whole = list[str](), reach.fan_out

    def counted(item: Any, *given: Any, **options: Any) -> Any:
        made.append(item.op_type)
        return whole(item, *given, **options)

    monkeypatch.setattr(reach, "fan_out", counted)
    rolled, x = model(dyadic=True), samples(9, dyadic=True)
    found = SpikingModel(rolled).run(x, 3, operations=True).operations[3]
    assert 2 <= len(made) <= 6  # not 9 positions, each counted as it is and dense
    other = written_out(rolled, 9).run(x, 3, operations=True).operations[3]
    assert found.effective_macs == other.effective_macs > 0
    assert found.shift_adds == other.shift_adds
    assert found.dense_macs == other.dense_macs
