"""The text form of an IR model, whole."""

from onnx2snn_runtime.ir.text import to_text
from tests.runtime.networks import proto

GOLDEN = """\
snn gate (dynamics differential, encoder direct, T 8)
  input %x[N, 2]
  input %z[N, 2, 1]
  %g = SpikingClip(%x, %low, %high) [scale 4, levels 12, mantissa 1]
  %s = Squeeze(%z, %axes)
  %c = Concat(%g, %s) [axis 1]
  %h = SpikingMul(%c, %c) [sources 2, scale 4, levels 12, mantissa 1]
  %p = Pad(%h, %pads, -, %axes) [mode constant]
  %a, %b = Split(%p) [axis 1, num_outputs 2]
  output %a
  output %b
function SpikingClip(%x, %c, %d) -> %y
  %y = Clip(%x, %c, %d)
function SpikingMul(%x, %z) -> %y
  %y = Mul(%x, %z)
"""

GATE = """gate (float[N, 2] x, float[N, 2, 1] z) => (float[N, 2] a, float[N, 2] b)
<float low = {0}, float high = {6}, int64[1] axes = {2}, int64[2] pads = {0, 0}>
{ g = onnx2snn.SpikingClip(x, low, high)  s = Squeeze(z, axes)  c = Concat<axis = 1>(g, s)
  h = onnx2snn.SpikingMul(c, c)  p = Pad<mode = "constant">(h, pads, , axes)
  a, b = Split<axis = 1, num_outputs = 2>(p) }"""


def test_to_text() -> None:
    assert to_text(proto(GATE, timesteps=8)) == GOLDEN


def test_scales_of_several_numbers_show_their_shape() -> None:
    import numpy as np

    from onnx2snn_runtime.ir.schema import NeuronAttributes, write_neuron

    model = proto(GATE)
    write_neuron(model.graph.node[0], NeuronAttributes(1, np.ones((2, 1, 1), np.float32), levels=9, mantissa=0))
    assert "  %g = SpikingClip(%x, %low, %high) [scale 2x1x1, levels 9, mantissa 0]\n" in to_text(model)
