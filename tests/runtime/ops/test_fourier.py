"""Fourier transforms and the mel scale against onnxruntime and ONNX's reference."""

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from tests.runtime.ops.backend import Backend
from tests.runtime.ops.oracle import agree, floats, one_node


@pytest.mark.parametrize("onesided", [0, 1])
@pytest.mark.parametrize("length", [8, 7])
def test_stft(length: int, onesided: int) -> None:
    window = abs(floats(length, seed=1))
    agree("STFT", floats(2, 30, 1), np.int64(3), window, np.int64(length), opset=17, onesided=onesided)
    agree("STFT", floats(2, 30, 1), np.int64(3), None, np.int64(length), opset=17, onesided=onesided)


def test_stft_of_a_signal_without_a_last_axis() -> None:
    agree("STFT", floats(2, 30), np.int64(3), abs(floats(8, seed=1)), np.int64(8), opset=17, onesided=1)


@pytest.mark.parametrize(
    ("bins", "size", "rate", "low", "high"), [(8, 16, 8192, 0.0, 4096.0), (5, 64, 16000, 100.0, 7000.0)]
)
def test_mel_weights(bins: int, size: int, rate: int, low: float, high: float) -> None:
    inputs = [
        np.asarray(v) for v in (np.int64(bins), np.int64(size), np.int64(rate), np.float32(low), np.float32(high))
    ]
    model = one_node("MelWeightMatrix", inputs, opset=17)
    expected = ReferenceEvaluator(model).run(None, {f"x{i}": x for i, x in enumerate(inputs)})
    np.testing.assert_allclose(Backend(model).run(inputs)[0], expected[0], atol=1e-6)


@pytest.mark.parametrize("periodic", [0, 1])
@pytest.mark.parametrize("op", ["HannWindow", "HammingWindow", "BlackmanWindow"])
def test_windows(op: str, periodic: int) -> None:
    agree(op, np.int64(9), opset=17, periodic=periodic)


def test_inverse_of_a_half_spectrum() -> None:
    inputs = [floats(2, 8, 1), np.int64(8), np.int64(1)]
    half = Backend(one_node("DFT", [np.asarray(x) for x in inputs], opset=20, onesided=1)).run(inputs)[0]
    model = one_node("DFT", [half, *map(np.asarray, inputs[1:])], opset=20, inverse=1, onesided=1)
    back = Backend(model).run([half, *inputs[1:]])[0]
    np.testing.assert_allclose(back, inputs[0], atol=1e-6)
