"""The figures themselves, on outputs made by hand."""

import numpy as np
import pytest

from onnx2snn.evaluation.comparison import Comparison, Tally, default_class_axis


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((8,), None), ((8, 1), None), ((8, 10), 1), ((8, 5, 10), 2), ((8, 5, 1), None), ((8, 21, 4, 6), 1), ((), None)],
)
def test_the_class_axis_by_default(shape: tuple[int, ...], axis: int | None) -> None:
    assert default_class_axis(shape) == axis


def test_labels_decide_about_the_class_axis() -> None:
    assert default_class_axis((8, 10, 5), np.zeros((8, 5))) == 1
    assert default_class_axis((8, 4, 6, 21), np.zeros((8, 4, 6))) == 3
    assert default_class_axis((8, 5, 5), np.zeros((8, 5))) == 2


def figures(reference: np.ndarray, output: np.ndarray, axis: int | None = 1) -> dict[str, float | None]:
    comparison = Comparison(axis, True, {2: Tally()})
    comparison.add(reference, {2: output}, None)
    found: dict[str, float | None] = comparison.figures(len(reference))["timesteps"]["2"]
    return found


def test_a_single_value_has_no_agreement() -> None:
    found = figures(np.array([[3.0], [4.0]]), np.array([[3.0], [3.0]]), axis=None)
    assert (found["agreement"], found["relative_error"]) == (None, 0.2)


def test_masked_logits_do_not_count() -> None:
    found = figures(np.array([[3.0, -np.inf]]), np.array([[1.5, -7.0]]))
    assert (found["agreement"], found["relative_error"]) == (1.0, 0.5)


def test_an_error_without_measure_is_null() -> None:
    assert figures(np.zeros((1, 2)), np.ones((1, 2)))["relative_error"] is None
    assert figures(np.zeros((1, 2)), np.zeros((1, 2)))["relative_error"] == 0.0
    assert figures(np.ones((1, 2)), np.full((1, 2), np.nan))["relative_error"] is None


def test_what_is_no_number_agrees_with_nothing() -> None:
    reference = np.array([[np.nan, np.nan], [2.0, 1.0]])
    assert figures(reference, reference)["agreement"] == 0.5
    assert figures(reference[:1], reference[:1])["relative_error"] is None


def test_values_that_are_no_numbers_in_one_network_alone_are_counted() -> None:
    nan, inf = np.nan, np.inf
    plain = np.array([[1.0, nan, inf, -inf, 2.0, 3.0, inf]])
    spiking = np.array([[1.0, nan, inf, 5.0, nan, -inf, -inf]])
    assert figures(plain, spiking)["not_finite"] == 4
    assert figures(plain, plain)["not_finite"] == 0
