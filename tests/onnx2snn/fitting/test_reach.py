"""Where samples held back lie far beyond the measured range, they count for the scale, and the report says so."""

import numpy as np
import pytest
from onnx import parser

import onnx2snn
from onnx2snn.fitting.reach import is_beyond, reaching
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.ir.schema import NeuronAttributes

EYE = ", ".join(str(float(x)) for x in np.eye(6).ravel())
TEXT = f"""<ir_version: 8, opset_import: ["" : 18]>
net (float[N, 6] x) => (float[N, 1] y) <int64[1] axes = {{1}}, float[6, 6] u = {{{EYE}}}, float[1, 1] w = {{0.5}}>
{{ r = MatMul(x, u)  p = ReduceProd(r, axes)  y = MatMul(p, w) }}"""


def data(odd: float) -> np.ndarray:
    """Return 12 samples, the last of which, held back, has products that are odd^6 times as large."""
    x = np.random.default_rng(0).uniform(0.5, 1.5, (12, 6)).astype(np.float32)
    x[-1] *= odd
    return x


@pytest.mark.parametrize(("odd", "told"), [(4.0, True), (1.0, False)])
def test_a_long_tail_is_in_reach_and_told(odd: float, told: bool) -> None:
    model, x = parser.parse_model(TEXT), data(odd)
    snn = onnx2snn.convert(model, x, adapt=False, neurons="elementwise", levels=24, mantissa=8)
    warnings = snn.conversion.warnings
    assert any("show too little of the range of populations such as" in line for line in warnings) is told
    expected = run_ann(model, {"x": x}, 12)["y"]
    assert np.abs(snn(x, timesteps=16) - expected).max() < 1e-4 * np.abs(expected).max()


def test_the_smallest_spike_stays_and_channels_keep_their_own_scale() -> None:
    p = NeuronAttributes(1, np.float32([1.0, 4.0]), levels=16, mantissa=3, maximum=3.5, rms=1.0)
    assert not is_beyond(p, np.array([2.0, 8.0]))
    largest = np.array([2.0, 31.0])
    assert is_beyond(p, largest)
    wide = reaching(p, largest)
    assert wide.scale.tolist() == [1.0, 32.0]
    assert (wide.levels, wide.maximum) == (19, 31.0)
    assert wide.scale.max() * 2.0**-wide.levels == p.scale.max() * 2.0**-p.levels
    other = reaching(p, np.array([1.0, 1.0, 31.0]))  # channels whose number differs: one for all
    assert other.scale.tolist() == [32.0, 32.0]
