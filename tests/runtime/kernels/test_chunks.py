"""A value over a chunk: its last row stands for the steps that follow."""

import torch

from onnx2snn_runtime.kernels.chunks import at, extended

VALUE = torch.arange(6.0).reshape(3, 2)


def test_the_last_row_stands_for_what_follows() -> None:
    assert at(VALUE, 1).tolist() == [2.0, 3.0]
    assert at(VALUE, 2).tolist() == at(VALUE, 100).tolist() == [4.0, 5.0]
    assert extended(VALUE, 5).tolist() == [*VALUE.tolist(), [4.0, 5.0], [4.0, 5.0]]


def test_a_value_of_enough_rows_is_not_copied() -> None:
    assert extended(VALUE, 3) is VALUE
