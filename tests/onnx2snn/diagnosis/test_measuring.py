"""The figures of populations, beside the same from probes and the plain network."""

import numpy as np
import pytest

import onnx2snn
from onnx2snn.diagnosis.measuring import measure
from onnx2snn.fitting.calibrate import with_outputs
from onnx2snn.reference.ann import run_ann
from tests.onnx2snn.front_end import floats, network
from tests.runtime.networks import CNN, sample
from tests.runtime.networks import network as spiking


@pytest.mark.parametrize("batch_size", [3, 16])
def test_figures_are_those_of_probes(batch_size: int) -> None:
    snn = spiking(CNN)
    x = sample(snn, 7)
    found = measure(snn, x, [1, 3], batch_size)
    run = snn.run(x, 3, probes=["values", "errors", "spikes", "events"])
    names = [p.output for p in snn.program.populations]
    plain = run_ann(with_outputs(snn.proto, names), x, 8, names)
    assert found.samples == 7
    for one, output in zip(found.populations, names, strict=True):
        v, e, s = (run.probes[kind][one.name].numpy() for kind in ("values", "errors", "spikes"))
        for t in (1, 3):
            want = np.linalg.norm(v[t - 1] - plain[output]) / np.linalg.norm(plain[output])
            assert one.at[t].error == pytest.approx(want, rel=1e-4)
            target = v[t - 1] + e[t - 1]
            norm = max(np.linalg.norm(target), np.linalg.norm(plain[output]))
            assert one.at[t].own_error == pytest.approx(np.linalg.norm(e[t - 1]) / norm, rel=1e-3, abs=1e-7)
            assert one.at[t].silent == pytest.approx(np.mean((s[:t] == 0).all(0)))
        events = int(run.probes["events"][one.name].sum())
        assert one.at[3].events_per_neuron == pytest.approx(events / v[0].size)
        assert one.largest == pytest.approx(np.abs(plain[output]).max(), rel=1e-5)
    wanted = run_ann(snn.proto, x, 8)["y"]
    assert found.errors[3] == pytest.approx(np.linalg.norm(run.outputs[3] - wanted) / np.linalg.norm(wanted), rel=1e-4)


def test_a_fixed_batch_leaves_its_padding_out() -> None:
    body = "a = Gemm(x, w, b)  h = Relu(a)  y = MatMul(h, u)"
    fixed = network(body, "float[4, 4] x", "float[4, 3] y")
    free = onnx2snn.convert(network(body), floats(32, 4, seed=4), adapt=False)
    snn = onnx2snn.convert(fixed, floats(32, 4, seed=4), adapt=False)
    x = {"x": floats(6, 4, seed=8)}
    one, other = (measure(model, x, [1, 2]).populations[0] for model in (snn, free))
    assert one.neurons == other.neurons == 8
    for t in (1, 2):
        assert vars(one.at[t]) == pytest.approx(vars(other.at[t]), rel=1e-5)


def test_positions_of_a_rolled_recurrence_are_one_population() -> None:
    rng = np.random.default_rng(0)
    weights = {
        "lw": rng.normal(size=(1, 16, 3)).astype(np.float32),
        "lr": rng.normal(size=(1, 16, 4)).astype(np.float32) / 2,
    }
    body = "h, last = LSTM<hidden_size = 4>(x, lw, lr)  y = Squeeze(h, one)"
    model = network(body, "float[S, N, 3] x", "float[S, N, 4] y", one=np.array([1]), **weights)
    x = floats(6, 8, 3, seed=2)
    snn = onnx2snn.convert(model, {"x": x}, recurrence="rolled", adapt=False)
    found = measure(snn, {"x": x[:, :4]}, [2, 4])
    assert {one.name for one in found.populations} == set(snn.population_names())
    assert all(one.at[4].own_error < 0.05 for one in found.populations)
    assert found.errors[4] < 0.05


def test_an_output_that_is_one_number() -> None:
    body = "h = MatMul(x, w)  r = Relu(h)  y = ReduceMax<keepdims = 0>(r)"
    net = network(body, "float[4] x", "float y", w=floats(4, 4))
    snn = onnx2snn.convert(net, floats(12, 4), adapt=False)
    assert measure(snn, {"x": floats(3, 4)}, [1, 8]).errors[8] < 0.1
