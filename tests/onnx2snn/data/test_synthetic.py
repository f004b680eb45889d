"""Inputs made up from a signature."""

import numpy as np
import pytest

from onnx2snn.data.synthetic import GUESS, SAMPLES, synthetic_inputs
from tests.onnx2snn.passes.rewriting import model

TEXT = """net (float[N, 3] x, float16[2, L] h, int64[N, 4] ids, int32[N] other, bool[N, 2] mask, float t)
=> (float[N, 4, 8] y, float[N, 3] z, float16[2, L] g, int32[N] o, bool[N, 2] m) <float[7, 8] table>
{ i = Cast<to = 6>(ids)  y = Gather(table, i)  z = Mul(x, t)  g = Neg(h)  o = Neg(other)  m = Not(mask) }"""


def test_shapes_and_types() -> None:
    made = synthetic_inputs(model(TEXT))
    assert {name: (value.shape, value.dtype) for name, value in made.items()} == {
        "x": ((SAMPLES, 3), np.float32),
        "h": ((SAMPLES, GUESS), np.float16),
        "ids": ((SAMPLES, 4), np.int64),
        "other": ((SAMPLES,), np.int32),
        "mask": ((SAMPLES, 2), np.bool_),
        "t": ((), np.float32),
    }
    assert made["mask"].all()
    assert set(np.unique(made["other"])) == {0, 1}
    assert made["x"].std() == pytest.approx(1.0, abs=0.3)


def test_ids_are_rows_of_the_table_they_look_up() -> None:
    ids = synthetic_inputs(model(TEXT), samples=100)["ids"]
    assert (ids.min(), ids.max()) == (0, 6)


def test_a_seed_gives_the_same_inputs() -> None:
    first, second, other = (synthetic_inputs(model(TEXT), seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not np.array_equal(first["x"], other["x"])
