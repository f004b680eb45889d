"""How many weights an element meets, counted by gradients, against counting them."""

import numpy as np
import torch

from onnx2snn_runtime.probing.arrivals import arrivals, direct_calls
from onnx2snn_runtime.probing.fans import fan_out
from onnx2snn_runtime.program.interpreter import Call
from tests.runtime.networks import CNN, network


def test_a_spectrum_meets_a_sine_and_a_cosine_of_each_frequency() -> None:
    text = """net (float[N, 8, 1] x) => (float[N, 8] y) <int64 step = {2}, float[4] win = {1, 1, 0, 1}>
    { s = STFT<onesided = 1>(x, step, win)  r = Reshape(s, t)  h = onnx2snn.SpikingRelu(r)  y = MatMul(h, w) }"""
    text = text.replace("float[4] win", "int64[2] t = {0, 18}, float[18, 8] w, float[4] win")
    snn = network(text)
    (stft,) = direct_calls(snn.program)
    frame = snn.program.frame()
    frame.set("x", torch.zeros(1, 8, 1))
    met = fan_out(stft, 0, frame.values["x"], frame).flatten().tolist()
    windows = [sum(w != 0 and a + i == n for a in (0, 2, 4) for i, w in enumerate([1, 1, 0, 1])) for n in range(8)]
    assert met == [2 * 3 * n for n in windows]  # three frequencies, a real and an imaginary part each
    run = snn.run(np.ones((2, 8, 1), np.float32), 1, operations=True).operations[1]
    assert run.layers[0].effective_macs == 2 * sum(met)


def test_zero_weights_are_met_by_nothing_but_count_as_dense() -> None:
    snn = network(CNN)
    weight = snn.program.constants["u"]
    weight[:, 1] = 0.0
    arrival = next(a for a in arrivals(snn.program) if a.name in ("c",))
    assert isinstance(arrival.item, Call)
    frame, like = snn.program.frame(), torch.zeros(5, 4, 4, 4)
    met, dense = (fan_out(arrival.item, 0, like, frame, dense=flag) for flag in (False, True))
    assert met.shape == (1, 4, 4, 4)
    assert met[0, 1].sum() == 0
    assert met[0, 0].equal(dense[0, 1])
    assert dense[0, 1].tolist()[0] == [4 * 4, 4 * 6, 4 * 6, 4 * 4]  # padding is not counted


def test_a_weight_that_is_changed_is_read_anew() -> None:
    snn = network(CNN)
    x = np.ones((2, 2, 4, 4), np.float32)
    before = snn.run(x, 2, operations=True).operations[2]
    snn.program.constants["o"].zero_()
    after = snn.run(x, 2, operations=True).operations[2]
    assert before.layers[-1].effective_macs > 0 == after.layers[-1].effective_macs
    assert before.layers[-1].dense_macs == after.layers[-1].dense_macs
