"""The Python interface: what goes in, what comes out, and how a model moves, is copied and saved."""

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

import onnx2snn_runtime
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.model import SpikingModel
from tests.runtime.networks import CNN, CONTROL, MLP, TWO_INPUTS, network, sample


@pytest.fixture
def snn() -> SpikingModel:
    return network(MLP)


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(2).normal(size=(5, 4)).astype(np.float32)


def test_what_went_in_comes_out(snn: SpikingModel, x: np.ndarray) -> None:
    arrays = [snn(x), snn({"x": x}), snn(x.tolist() and x.astype(np.float64)), snn(x[:, ::1])]
    tensors = [snn(torch.from_numpy(x)), snn({"x": torch.from_numpy(x)})]
    assert all(isinstance(y, np.ndarray) and y.shape == (5, 3) and y.dtype == np.float32 for y in arrays)
    assert all(isinstance(y, torch.Tensor) and not y.requires_grad for y in tensors)
    for y in (*arrays, *tensors):
        np.testing.assert_array_equal(np.asarray(y), arrays[0])


def test_several_outputs_come_by_name() -> None:
    snn = network(TWO_INPUTS)
    x = sample(snn, 2)
    y = snn(x)
    assert list(y) == ["y", "j"]
    assert (y["y"].shape, y["j"].shape) == ((2, 4), (2, 8))
    assert isinstance(snn({name: torch.from_numpy(value) for name, value in x.items()})["j"], torch.Tensor)


def test_several_timesteps_are_separate_runs(snn: SpikingModel, x: np.ndarray) -> None:
    run = snn.run(x, timesteps=[8, 1, 3, 3])
    assert list(run.outputs) == list(run.events) == list(run.events_per_neuron) == [1, 3, 8]
    for t, y in run.outputs.items():
        np.testing.assert_array_equal(snn(x, timesteps=t), y)
        alone = snn.run(x, timesteps=t)
        assert (alone.events[t], alone.events_per_neuron[t]) == (run.events[t], run.events_per_neuron[t])
    assert np.array_equal(snn(x), snn(x, timesteps=snn.defaults.timesteps))
    assert np.array_equal(snn(x, timesteps=np.int64(3)), run.outputs[3])


def test_events_are_the_spikes_that_are_not_zero(x: np.ndarray) -> None:
    snn = network(CNN)
    x = sample(snn, 5)["x"]
    run = snn.run(x, timesteps=[1, 2, 6], probes=["events", "spikes", "rates"])
    assert run.neurons == 2 * 4 * 4 * 4
    for t in (1, 2, 6):
        spikes = sum(int((s[:t] != 0).sum()) for s in run.probes["spikes"].values())
        assert run.events[t] == spikes == sum(int(c[:t].sum()) for c in run.probes["events"].values())
        assert run.events_per_neuron[t] == pytest.approx(spikes / (5 * run.neurons))
    for name, counts in run.probes["events"].items():
        assert (counts.shape, counts.dtype) == ((6,), torch.int64)
        torch.testing.assert_close(run.probes["rates"][name].double(), counts.double() / (5 * 64))


def test_probes_have_a_time_and_a_batch_axis(snn: SpikingModel, x: np.ndarray) -> None:
    run = snn.run(x, timesteps=[2, 4], probes=["spikes", "values", "errors", "events", "rates"])
    assert set(run.probes) == {"spikes", "values", "errors", "events", "rates"}
    for name in ("spikes", "values", "errors"):
        assert {key: value.shape for key, value in run.probes[name].items()} == {"neuron_h": (4, 5, 8)}
    spikes, values = run.probes["spikes"]["neuron_h"], run.probes["values"]["neuron_h"]
    torch.testing.assert_close(spikes.cumsum(0), values)
    target = run.probes["errors"]["neuron_h"] + values
    torch.testing.assert_close(target, target[:1].expand(4, 5, 8))


@pytest.mark.parametrize("size", [1, 2, 5, 7])
@pytest.mark.parametrize("executor", ["step", "event", "layer"])
def test_batches_change_nothing(size: int, executor: str) -> None:
    snn = network(CONTROL)
    x = sample(snn, 5)
    whole = snn.run(x, timesteps=[1, 4], probes=["spikes", "events"], operations=True, executor=executor)
    run = snn.run(x, timesteps=[1, 4], probes=["spikes", "events"], operations=True, executor=executor, batch_size=size)
    assert (run.events, run.events_per_neuron, run.neurons) == (whole.events, whole.events_per_neuron, whole.neurons)
    assert run.synaptic_operations == whole.synaptic_operations
    for t in (1, 4):
        np.testing.assert_array_equal(run.outputs[t], whole.outputs[t])
    for probe, table in whole.probes.items():
        for name, value in table.items():
            assert torch.equal(run.probes[probe][name], value)


def test_a_fixed_batch_is_filled_up() -> None:
    free, fixed = network(CNN), network(CNN.replace("[N, 2", "[4, 2").replace("[N, 3", "[4, 3"), batch=4)
    for samples in (1, 4, 6):
        x = sample(free, samples)["x"]
        expected, run = (m.run(x, timesteps=3, probes=["values", "events", "rates"]) for m in (free, fixed))
        assert run.outputs[3].shape == (samples, 3)
        np.testing.assert_array_equal(run.outputs[3], expected.outputs[3])
        assert (run.events, run.events_per_neuron) == (expected.events, expected.events_per_neuron)
        for probe, table in expected.probes.items():
            for name, value in table.items():
                assert torch.equal(run.probes[probe][name], value), probe


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-6), (torch.float16, 0.02), (torch.bfloat16, 0.1)], ids=str
)
def test_to(dtype: torch.dtype, tolerance: float) -> None:
    snn = network(CNN)
    x = sample(snn, 3)["x"]
    before = snn(x, timesteps=6)
    after = snn.to(dtype)(x, timesteps=6)
    assert after.dtype == (np.float64 if dtype == torch.float64 else np.float32)
    np.testing.assert_allclose(after, before, atol=tolerance)
    assert snn.program.dtype == dtype
    assert snn(torch.from_numpy(x).to(dtype)).dtype == snn.program.wide


@pytest.mark.parametrize(("kind", "declared"), [("double", np.float64), ("float16", np.float16), ("float", np.float32)])
def test_outputs_have_the_types_that_are_declared(kind: str, declared: type) -> None:
    text = f"""types (float[N, 4] x) => ({kind}[N, 3] y, float[N, 8] h, int64[N] k) <float[4, 8] w, float[8, 3] u>
    {{ a = MatMul(x, w)  h = onnx2snn.SpikingRelu(a)  b = MatMul(h, u)  k = ArgMax<axis = 1, keepdims = 0>(b)
      y = Cast<to = {onnx.helper.np_dtype_to_tensor_dtype(np.dtype(declared))}>(b) }}"""
    snn = network(text)
    x = sample(snn, 3)["x"]
    for y in (snn(x), {name: value.numpy() for name, value in snn(torch.from_numpy(x)).items()}, snn.step(x)):
        assert [y[name].dtype for name in "yhk"] == [declared, np.float32, np.int64]
    assert {snn.to(torch.float64)(x)[name].dtype for name in "yh"} == {np.dtype(np.float64)}
    half = snn.to(torch.float16)(x)
    assert half["y"].dtype == (np.float16 if kind == "float16" else np.float32)
    assert half["h"].dtype == np.float32


def test_state_dict_copies_and_pickles(snn: SpikingModel, x: np.ndarray) -> None:
    snn.set_population("neuron_h", levels=9)
    other = network(MLP, seed=9)
    other.set_population("neuron_h", levels=9)
    assert not np.array_equal(other(x), snn(x))
    assert len(snn.state_dict()) == 3
    other.load_state_dict(snn.state_dict())
    for twin in (other, copy.deepcopy(snn), pickle.loads(pickle.dumps(snn))):
        np.testing.assert_array_equal(twin(x), snn(x))
    twin = copy.deepcopy(snn)
    twin.set_population("neuron_h", levels=1, mantissa=0)
    twin.set_defaults(timesteps=1)
    assert snn.program.populations[0].attributes.levels == 9
    assert snn.defaults.timesteps == 4
    assert not np.array_equal(twin(x), snn(x))


def test_save_and_load(snn: SpikingModel, x: np.ndarray, tmp_path: Path) -> None:
    snn.set_population("neuron_h", levels=7, scale=np.full((8,), 2.0, np.float32))
    snn.set_defaults(timesteps=5)
    snn.save(tmp_path / "a.snn.onnx")
    loaded = onnx2snn_runtime.load(tmp_path / "a.snn.onnx", dtype="float32")
    np.testing.assert_array_equal(loaded(x), snn(x, timesteps=5))
    loaded.save(tmp_path / "b.snn.onnx")
    assert (tmp_path / "a.snn.onnx").read_bytes() == (tmp_path / "b.snn.onnx").read_bytes()
    assert not loaded.training
    assert loaded.population_names() == ["neuron_h"]
    assert "1 populations, dynamics='differential'" in repr(loaded)


def test_weights_that_were_changed_are_saved(snn: SpikingModel, x: np.ndarray, tmp_path: Path) -> None:
    snn.load_state_dict(network(MLP, seed=9).state_dict())
    snn.save(tmp_path / "a.snn.onnx")
    np.testing.assert_array_equal(onnx2snn_runtime.load(tmp_path / "a.snn.onnx")(x), snn(x))


def test_saving_refuses(snn: SpikingModel, tmp_path: Path) -> None:
    snn.save(tmp_path / "a.snn.onnx")
    with pytest.raises(InputError, match=r"exists: choose another path, or overwrite it with --force"):
        snn.save(tmp_path / "a.snn.onnx")
    snn.save(tmp_path / "a.snn.onnx", force=True)
    with pytest.raises(InputError, match="there is no folder"):
        snn.save(tmp_path / "none" / "a.snn.onnx")


def test_step_and_reset(snn: SpikingModel, x: np.ndarray) -> None:
    for _ in range(2):
        made = [snn.step(x) for _ in range(3)]
        assert np.array_equal(made[-1], snn(x, timesteps=3))  # a run between steps does not disturb them
        snn.reset()
    snn.step(x, dynamics="signgd")
    with pytest.raises(InputError, match=r"chosen at the first step: call reset\(\) to choose again"):
        snn.step(x, dynamics="differential")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"level": 3}, "the population 'neuron_h' has no setting 'level': it has sources, scale, levels"),
        ({"levels": 0}, "has levels 0, mantissa 1: 1 level or more, 0 to 23 bits"),
        ({"scale": 0.0}, "the scale of the neuron 'neuron_h' is not positive and finite"),
    ],
)
def test_parameters_that_make_no_sense(snn: SpikingModel, x: np.ndarray, changes: Any, sentence: str) -> None:
    before = snn(x)
    with pytest.raises(InputError, match=sentence):
        snn.set_population("neuron_h", **changes)
    np.testing.assert_array_equal(snn(x), before)


def test_defaults_that_make_no_sense(snn: SpikingModel) -> None:
    with pytest.raises(InputError, match="the model has no setting 'time': it has ir_version, dynamics"):
        snn.set_defaults(time=3)
    with pytest.raises(InputError, match="timesteps is 0: give one or more whole numbers"):
        snn.set_defaults(timesteps=0)
    assert snn.defaults.timesteps == 4


def test_a_single_probe_needs_no_list(snn: SpikingModel, x: np.ndarray) -> None:
    assert list(snn.run(x, probes="events").probes) == ["events"]


@pytest.mark.parametrize("dtype", ["int8", torch.int8])
def test_types_that_synapses_have_not(snn: SpikingModel, dtype: Any, tmp_path: Path) -> None:
    snn.save(tmp_path / "a.snn.onnx")
    with pytest.raises(InputError, match=r"there is no dtype '.*int8' for synapses: choose float32, float64"):
        onnx2snn_runtime.load(tmp_path / "a.snn.onnx", dtype=dtype)


def test_the_first_axis_need_not_be_the_batch() -> None:
    snn = network(
        """net (float[N, 5, 4] x) => (float[5, N, 4] y) <float[4, 4] w>
        { t = Transpose<perm = [1, 0, 2]>(x)  h = onnx2snn.SpikingRelu(t)  y = MatMul(h, w) }"""
    )
    x = sample(snn, 2)["x"]
    run = snn.run(x, timesteps=1, probes=["spikes"])
    assert run.outputs[1].shape == (5, 2, 4)
    assert run.neurons == 5 * 4
    assert run.events[1] == int((run.probes["spikes"]["neuron_h"] != 0).sum())
    assert run.probes["spikes"]["neuron_h"].shape == (1, 5, 2, 4)


SEQUENCES = """net (float[N, 5, 4] x) => (float[5, N, 4] y, float[N, 5, 4] z, float[5] s) <float[4, 4] w>
{ t = Transpose<perm = [1, 0, 2]>(x)  h = onnx2snn.SpikingRelu(t)  y = MatMul(h, w)  z = Transpose<perm = [1, 0, 2]>(y)
  s = ReduceSum<keepdims = 0>(y, axes) }""".replace("w>", "w, int64[2] axes = {1, 2}>")


@pytest.mark.parametrize("fixed", [0, 2])
def test_batches_are_joined_along_their_own_axis(fixed: int) -> None:
    free, snn = (network(SEQUENCES.replace(", float[5] s", ""), batch=b) for b in (0, fixed))
    x = sample(free, 5)["x"]
    expected = free.run(x, timesteps=3, probes=["spikes", "rates"])
    run = snn.run(x, timesteps=3, probes=["spikes", "rates"], batch_size=2)
    for name in ("y", "z"):
        np.testing.assert_array_equal(run.outputs[3][name], expected.outputs[3][name])
    for probe in ("spikes", "rates"):
        assert torch.equal(run.probes[probe]["neuron_h"], expected.probes[probe]["neuron_h"])
    assert (run.events, run.events_per_neuron) == (expected.events, expected.events_per_neuron)


def test_what_depends_on_the_whole_batch_is_not_put_together() -> None:
    snn = network(SEQUENCES)
    x = sample(snn, 4)["x"]
    assert snn(x)["s"].shape == (5,)
    with pytest.raises(InputError, match=r"'s' has no batch axis: run all samples at once \(batch_size=4\)"):
        snn(x, batch_size=2)


def test_a_stream_of_a_fixed_batch_is_filled_up_too() -> None:
    free, fixed = network(CNN), network(CNN.replace("[N, 2", "[4, 2"), batch=4)
    x = sample(free, 3)["x"]
    for _ in range(2):
        np.testing.assert_array_equal(fixed.step(x), free.step(x))
    with pytest.raises(InputError, match="fixed to a batch of 4"):
        fixed.step(sample(free, 5)["x"])
