"""Results of different shapes become comparable number by number."""

import numpy as np

from onnx2snn.reference.aligned import aligned


def test_equal_shapes_stay_as_they_are() -> None:
    a, b = np.ones((2, 3)), np.zeros((2, 3))
    found = aligned(a, b)
    assert found[0] is a
    assert found[1] is b


def test_what_is_absent_is_zero() -> None:
    a, b = aligned(np.ones((2, 3)), np.ones((4, 3)))
    assert a.shape == b.shape == (4, 3)
    assert a.sum() == 6


def test_of_different_rank_the_numbers_count() -> None:
    assert [x.tolist() for x in aligned(np.ones((2, 2)), np.ones(3))] == [[1, 1, 1, 1], [1, 1, 1, 0]]


def test_lists_of_samples_are_strung_together() -> None:
    a, b = aligned([np.ones((2, 1)), np.ones((1, 1))], [np.ones((2, 1)), np.ones((3, 1))])
    assert (a.tolist(), b.tolist()) == ([1, 1, 1, 0, 0], [1] * 5)
