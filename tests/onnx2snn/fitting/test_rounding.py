"""Rounding for the data: outputs change less than by rounding to the nearest, and what is exact stays."""

import numpy as np
import pytest

from onnx2snn.fitting.rounding import FEW_INPUTS, MOST, Seen, mean_error, rounded


def drawn(groups: int, outputs: int, inputs: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, Seen, np.ndarray]:
    """Return weights, scales, what was seen, and inputs that depend on each other, with means that are not 0."""
    draw = np.random.default_rng(seed)
    weights = draw.normal(size=(groups, outputs, inputs))
    scale = np.abs(weights).max(2, keepdims=True) / MOST
    rows = np.maximum(draw.normal(size=(groups, 400, inputs)) @ draw.normal(size=(groups, inputs, inputs)) + 1.0, 0)
    seen = Seen(np.zeros(()), np.zeros(()))
    seen.update(rows[:, :150])
    seen.update(rows[:, 150:])
    return weights, scale, seen, rows


@pytest.mark.parametrize("size", [(1, 5, 300), (7, 1, 9), (3, 4, 20)])
def test_outputs_change_less_than_by_rounding_to_the_nearest(size: tuple[int, int, int]) -> None:
    weights, scale, seen, rows = drawn(*size)
    made, steps = rounded(weights, scale, seen)
    assert ((scale <= steps) & (steps < 1.31 * scale)).all()
    assert np.array_equal(made, np.rint(made))
    assert np.abs(made).max() <= MOST + 1

    def error(integers: np.ndarray, scale: np.ndarray) -> float:
        return float(np.square(rows @ (weights - integers * scale).transpose(0, 2, 1)).mean())

    few = size[2] <= FEW_INPUTS
    assert error(made, steps) < (0.35 if few else 0.6) * error(np.rint(weights / scale), scale)


def test_whole_multiples_stay() -> None:
    weights, scale, seen, _ = drawn(2, 3, 40)
    integers = np.rint(weights / scale)
    made, steps = rounded(integers * scale, scale, seen)
    assert np.array_equal(made, integers)
    assert np.array_equal(steps, scale)


def test_inputs_that_never_move_are_rounded_to_the_nearest() -> None:
    weights, scale, seen, _ = drawn(1, 3, 8)
    seen.products[:, 2], seen.products[:, :, 2], seen.sums[:, 2] = 0, 0, 0
    made, steps = rounded(weights, scale, seen)
    np.testing.assert_allclose(made[:, :, 2] * steps[:, :, 0], weights[:, :, 2], atol=0.51 * steps.max())


def test_the_mean_error_is_that_of_the_outputs() -> None:
    weights, scale, seen, rows = drawn(2, 3, 8)
    integers = np.rint(weights / scale)
    lacking = (rows @ (weights - integers * scale).transpose(0, 2, 1)).mean(1)
    np.testing.assert_allclose(mean_error(weights, integers, scale, seen), lacking, atol=1e-12)
