"""The heap is trimmed between batches, now and then, where the C library can."""

import pytest

from onnx2snn.evaluation import heap
from onnx2snn.evaluation.heap import Heap


def test_the_heap_is_trimmed_after_a_while() -> None:
    made, calls = Heap(), []
    made.trim = calls.append
    made.between_batches()
    assert calls == []
    made.trimmed -= heap.EVERY + 1
    made.between_batches()
    made.between_batches()
    assert calls == [0]


def test_other_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_library", lambda: None)
    made = Heap()
    made.trimmed -= heap.EVERY + 1
    made.between_batches()
    assert made.trim is None
