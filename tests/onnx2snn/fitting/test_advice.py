"""What a conversion advises where the network is off, and where its answers differ though it is not."""

from typing import Any

import numpy as np
import pytest

import onnx2snn
from onnx2snn.fitting.advice import FINE, advise, disagreement, what_helps, whether_longer_helps
from tests.onnx2snn.front_end import X, network

MLP = "a = Gemm(x, w, b) h = Relu(a) y = Gemm(h, u, c)"


def said(error: dict[tuple[bool, int], float]) -> str:
    """Return the advice where `error` is by (finer, time steps)."""
    snn = onnx2snn.convert(network(MLP), X, adapt=False)
    before = [p.attributes for p in snn.program.populations]

    def measured(timesteps: int) -> float:
        fine = all(p.attributes.levels >= FINE["levels"] for p in snn.program.populations)
        return error[fine, timesteps]

    text = what_helps(snn, measured, 4, 0.01)
    assert [p.attributes for p in snn.program.populations] == before
    return text


@pytest.mark.parametrize(
    ("finer", "longer", "both", "text"),
    [
        (0.005, 0.09, 0.001, "with levels 24 and mantissa 8 it is off by 0.50%: convert with these"),
        (0.09, 0.004, 0.001, "with 16 time steps it is off by 0.40%: take so many"),
        (0.08, 0.07, 0.002, "with levels 24 and mantissa 8 and 16 time steps it is off by 0.20%: convert with these"),
        (
            0.09,
            0.1,
            0.085,
            "neither levels 24 and mantissa 8 nor 16 time steps help (off by 9.00% and 10.00%): calibrate",
        ),
    ],
)
def test_the_advice_is_what_helps(finer: float, longer: float, both: float, text: str) -> None:
    found = said({(False, 4): 0.1, (False, 16): longer, (True, 4): finer, (True, 16): both})
    assert found.startswith(text)


def test_a_conversion_that_misses_its_tolerance_says_what_helps() -> None:
    snn = onnx2snn.convert(network(MLP), X, levels=3, mantissa=0, budget=0, tolerance=0.001)
    assert snn.conversion is not None
    (warning,) = snn.conversion.warnings
    assert "spikes were not adapted; with levels 24 and mantissa 8 it is off by 0.0" in warning
    again: Any = onnx2snn.convert(network(MLP), X, levels=24, mantissa=8, budget=0, tolerance=0.001)
    assert again.conversion.reached
    assert not again.conversion.warnings


@pytest.mark.parametrize(
    ("longer", "text"),
    [
        (0.09, "with 16 time steps it is off by 9.00%: take so many"),
        (
            0.12,
            "with 16 time steps it is off by 12.00%: take so many, or a larger budget or tolerance, or another payload",
        ),
        (0.19, "more time steps alone do not help (19.00% with 16 time steps): try a larger budget or tolerance, or"),
    ],
)
def test_spikes_of_one_size_are_not_told_to_be_finer(longer: float, text: str) -> None:
    assert whether_longer_helps({4: 0.2, 16: longer}.__getitem__, 4, 0.1).startswith(text)


@pytest.mark.parametrize("payload", ["ternary", "binary", "unary"])
def test_advice_names_what_the_payload_has(payload: str) -> None:
    relu = "a = Gemm(x, w, b) h = Relu(a) y = Gemm(h, u, c)"
    snn = onnx2snn.convert(network(relu), X, payload=payload, timesteps=2, budget=1, tolerance=1e-6)
    assert snn.conversion is not None
    (warning,) = snn.conversion.warnings
    assert "time steps" in warning
    assert "another payload, such as graded" in warning
    assert "levels" not in warning
    quick = advise(snn, {"x": X[:4]}, {}, 2, 1e-6, seconds=1e9)
    assert quick == "try more time steps, a larger budget or tolerance, or another payload, such as graded"


def test_few_equal_answers_are_told_of_however_small_the_error() -> None:
    assert disagreement(None, 0.001) is None
    assert disagreement(0.95, 0.001) is None
    close = network("a = Gemm(x, w, b) h = Relu(a) y0 = Gemm(h, u) m = Mul(y0, e) y = Add(m, o)",
                    e=np.float32(1e-4), o=np.float32([1, 1, 1]))  # fmt: skip
    snn = onnx2snn.convert(close, X, levels=4, mantissa=0)
    assert snn.conversion is not None
    assert snn.conversion.reached
    assert snn.conversion.agreement is not None
    if snn.conversion.agreement < 0.9:
        (warning,) = snn.conversion.warnings
        assert "of its answers on held-back samples are the plain network's: its best answers lie close" in warning
