"""Half precision: spikes are exact in it, or their synapses run in float32."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

import onnx2snn
from models.data import load
from onnx2snn_runtime.dynamics.differential import quantise
from onnx2snn_runtime.program.interpreter import Call
from onnx2snn_runtime.program.precision import fits
from tests.runtime.networks import CNN, MLP, network, sample

TRAINED = Path(__file__).parents[3] / "models" / "trained"


def spikes(scale: float, levels: int, mantissa: int) -> torch.Tensor:
    """Return everything that a graded spike can say."""
    payloads = [
        scale * (1 + m / 2**mantissa) * 2.0**-k for k, m in itertools.product(range(levels), range(2**mantissa))
    ]
    values = torch.tensor(payloads, dtype=torch.float64)
    assert torch.equal(quantise(values, scale, levels, mantissa), values)
    return values


def tf32(x: torch.Tensor) -> torch.Tensor:
    """Return float32 `x` as tensor cores read it: 10 bits behind the leading one."""
    return (x.view(torch.int32) & ~0x1FFF).view(torch.float32)


@pytest.mark.parametrize("mantissa", [0, 1, 2, 5, 7])
@pytest.mark.parametrize("exponent", [-20, -3, 0, 4, 14])
@pytest.mark.parametrize("levels", [1, 10, 12, 24, 30])
def test_what_fits_is_exact(levels: int, exponent: int, mantissa: int) -> None:
    scale = 2.0**exponent
    sent = spikes(scale, levels, mantissa)
    assert torch.equal(tf32(sent.float()).double(), sent)
    for dtype in (torch.float16, torch.bfloat16):
        exact = torch.equal(sent.to(dtype).double(), sent)
        assert exact == fits(dtype, np.float32(scale), levels, mantissa)
    assert fits(torch.float16, np.float32(scale), levels, mantissa) == (levels <= 25 - mantissa + exponent)


def test_beyond_it_float16_loses_spikes() -> None:
    assert fits(torch.float16, np.float32(1), 24, 1)
    assert not fits(torch.float16, np.float32(1), 25, 1)
    assert spikes(1.0, 27, 1).half().count_nonzero() < 2 * 27
    assert fits(torch.float16, np.float32(2.0**14), 12, 1)
    assert not fits(torch.float16, np.float32(2.0**15), 12, 1)  # v goes up to twice the scale
    assert torch.tensor(2.0**16).half().isinf()


def test_mantissas_and_scales_of_every_kind() -> None:
    assert fits(torch.float16, np.float32(1), 10, 10)
    assert not fits(torch.float16, np.float32(1), 10, 11)
    assert not fits(torch.bfloat16, np.float32(1), 10, 8)
    assert fits(torch.float32, np.float32(2.0**100), 100, 23)
    assert fits(torch.float16, np.array([0.0]), 12, 1)
    assert fits(torch.float16, np.array([0.3, 5.0]), 12, 1)
    assert not fits(torch.float16, np.array([1.0, 2.0**-13]), 12, 1)


@pytest.mark.parametrize("executor", ["layer", "step", "event"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_range_beyond_float16_keeps_its_synapses_wide(dtype: torch.dtype, executor: str) -> None:
    snn = network(CNN, seed=2)
    snn.set_population("neuron_h", scale=np.float32(2.0**20))
    snn.set_population("neuron_g", scale=np.float32(2.0**20))
    x = sample(snn, 4)["x"] * 2.0**18
    expected = snn.run(x, 8, executor=executor).outputs[8]
    half = snn.to(dtype)
    wide = {item.node or item.outputs[0] for item in (*half.program.loop, *half.program.tail) if call_is_wide(item)}
    assert bool(wide) == (dtype == torch.float16)
    found = half.run(np.clip(x, -6e4, 6e4) if dtype == torch.float16 else x, 8, executor=executor).outputs[8]
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    if dtype == torch.bfloat16:
        assert np.abs(found - expected).max() < 0.1 * np.abs(expected).max()


def call_is_wide(item: object) -> bool:
    return isinstance(item, Call) and item.wide


def test_the_choice_follows_type_and_levels() -> None:
    snn = network(MLP)
    assert not any(map(call_is_wide, snn.program.tail))
    snn.to(torch.float16)
    assert not any(map(call_is_wide, snn.program.tail))
    assert snn.program.narrow == {"h"}
    snn.set_population("neuron_h", levels=30)
    assert all(map(call_is_wide, snn.program.tail))
    assert snn.program.narrow == frozenset()
    snn.to(torch.bfloat16)
    assert not any(map(call_is_wide, snn.program.tail))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_states_stay_wide(dtype: torch.dtype) -> None:
    snn = network(CNN).to(dtype)
    run = snn.run(sample(snn, 2)["x"], 3, probes=["values", "errors", "spikes"])
    assert {v.dtype for table in run.probes.values() for v in table.values()} == {torch.float32}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["mnist_mlp", "mnist_cnn"])
def test_accuracy_on_images(name: str, dtype: str) -> None:
    from onnx2snn_runtime.loading import place

    data = load("mnist")
    x, labels = data.test_image[:400], data.test_label[:400]
    snn = onnx2snn.convert(TRAINED / f"{name}.onnx", calibration=data.train_image[:64])
    before = float(np.mean(snn.run(x, 4).outputs[4].argmax(1) == labels))
    after = float(np.mean(place(snn, "cpu", dtype).run(x, 4).outputs[4].argmax(1) == labels))
    assert abs(before - after) < 0.003
