"""What does not fit is refused with one sentence that says what would."""

from typing import Any

import numpy as np
import pytest
import torch
from onnx import TensorProto

import onnx2snn_runtime
from onnx2snn_runtime.errors import InputError, ModelError, RegistryError
from onnx2snn_runtime.loading import place
from onnx2snn_runtime.program.inputs import check_input
from onnx2snn_runtime.program.ports import Port
from tests.runtime.networks import CNN, CONTROL, MLP, TWO_INPUTS, network, sample

F = np.float32
BAD: list[tuple[str, Any, str]] = [
    (MLP, {"y": np.zeros((1, 4), F)}, "the model has no input 'y': its inputs are x"),
    (MLP, {}, "the model needs the input 'x': its inputs are x"),
    (TWO_INPUTS, np.zeros((1, 4), F), "the model has the inputs x, z: give a mapping from name to array"),
    (TWO_INPUTS, {"x": np.zeros((1, 4), F)}, "the model needs the input 'z'"),
    (TWO_INPUTS, {"x": np.zeros((1, 4), F), "z": np.zeros((2, 4), F)}, "differ in their number of samples"),
    (MLP, np.zeros((2, 5), F), r"the input 'x' has the shape \(2, 5\), the model takes \(any, 4\)"),
    (MLP, np.zeros(4, F), r"has the shape \(4,\), the model takes \(any, 4\)"),
    (MLP, np.zeros((1, 1, 1, 4), F), r"has the shape \(1, 1, 1, 4\)"),
    (MLP, np.float32(1), r"has the shape \(\), the model takes \(any, 4\)"),
    (MLP, np.zeros((2, 4), np.int64), "has the type int64, the model takes float32: convert it first"),
    (MLP, np.zeros((2, 4), bool), "has the type bool, the model takes float32"),
    (MLP, torch.zeros((2, 4), dtype=torch.int32), "has the type int32, the model takes float32"),
    (MLP, np.full((2, 4), "a"), "has the type <U1: give numbers"),
    (MLP, None, "the input 'x' has the type object: give numbers"),
    (MLP, np.zeros((2, 4), np.complex64), "has the type complex64: give numbers"),
    (MLP, np.zeros((2, 4), np.longdouble), "has the type float128: give numbers, of 64 bits at most"),
    (MLP, [[1.0], [1.0, 2.0]], r"the input 'x' is no array \(setting an array element with a sequence.*\): give one"),
    (MLP, torch.zeros((2, 4)).to_sparse(), "is a sparse, quantised or meta tensor: give a dense one"),
    (MLP, torch.zeros((2, 4), device="meta"), "is a sparse, quantised or meta tensor: give a dense one"),
    (MLP, np.zeros((0, 4), F), "there are no samples"),
    (CNN, np.zeros((1, 3, 4, 4), F), r"the model takes \(any, 2, 4, 4\)"),
    (CONTROL, {"x": np.zeros((1, 4), F), "i": np.zeros(1, F), "m": np.zeros((1, 4), F)}, "'i' has the type float32"),
]


@pytest.mark.parametrize(("text", "x", "sentence"), BAD)
def test_inputs_that_do_not_fit(text: str, x: Any, sentence: str) -> None:
    snn = network(text)
    for call in (snn, snn.run, snn.step):
        with pytest.raises(InputError, match=sentence):
            call(x)


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((5, 28, 28, 1), r": array\.transpose\(0, 3, 1, 2\) would fit, if that is what its axes are$"),
        ((1, 28, 28), r": samples come first, so give a single one as array\[None\]$"),
        ((5, 1, 27, 28), r"the model takes \(any, 1, 28, 28\)$"),
        ((5, 1, 28), r"the model takes \(any, 1, 28, 28\)$"),
    ],
)
def test_a_shape_that_would_fit_otherwise(shape: tuple[int, ...], hint: str) -> None:
    port = Port("x", TensorProto.FLOAT, (0, 1, 28, 28))
    with pytest.raises(InputError, match=hint):
        check_input(np.zeros(shape, np.float32), port)


def test_arrays_of_the_other_byte_order() -> None:
    snn = network(MLP)
    x = sample(snn, 3)["x"]
    np.testing.assert_array_equal(snn(x.astype(">f4")), snn(x))


@pytest.mark.parametrize("timesteps", [0, -1, [], [2, 0], 1.5, [1, 2.5], "4", [None], True])
def test_timesteps(timesteps: Any) -> None:
    with pytest.raises(InputError, match="give one or more whole numbers from 1 on"):
        network(MLP).run(np.zeros((1, 4), F), timesteps=timesteps)


def test_forward_takes_one_number_of_timesteps() -> None:
    with pytest.raises(InputError, match="whole number"):
        network(MLP)(np.zeros((1, 4), F), timesteps=[1, 2])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"probes": ["spiks"]}, "there is no probe 'spiks': there are events, rates"),
        ({"batch_size": 0}, "batch_size is 0: give 1 or more"),
        ({"batch_size": -2}, "batch_size is -2: give"),
        ({"max_memory": 0}, "max_memory is 0: give 1 or more"),
        ({"dynamic": "signgd"}, "a run has no option 'dynamic': it has dynamics.*; did you mean 'dynamics'"),
        ({"timestep": 4}, "a run has no option 'timestep': .*; did you mean 'timesteps'"),
        ({"dynamics_options": {"level": 3}}, "the dynamics 'differential' has no option 'level': it has levels"),
        ({"schedule_options": {"rate": 3}}, "the schedule 'exponential' has no option 'rate'"),
        ({"encoder": "float"}, "was converted for the input coding 'direct' and cannot run with 'float'"),
    ],
)
def test_options(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        network(MLP).run(np.zeros((1, 4), F), **options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"probes": 1}, "probes is 1: give a name or several"),
        ({"probes": None}, "probes is None: give a name or several"),
        ({"probes": [1]}, r"probes is \[1\]: give a name or several"),
        ({"executor": None}, "executor is None: give a text"),
        ({"operations": 1}, "operations is 1: give True or False"),
        ({"batch_size": 2.5}, "batch_size is 2.5: give a whole number"),
        ({"batch_size": True}, "batch_size is True: give a whole number"),
        ({"early_exit": ["stable"]}, r"early_exit is \['stable'\]: give a text"),
        ({"stable_steps": None}, "stable_steps is None: give a whole number"),
        ({"dynamics": []}, r"dynamics is \[\]: give a text"),
        ({"dynamics_options": "levels"}, "dynamics_options is 'levels': give values by name"),
        ({"schedule_options": {1: 2}}, r"schedule_options is \{1: 2\}: give values by name"),
        ({"delay": 0.5}, "delay is 0.5: give a whole number"),
    ],
)
def test_types_of_options(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        network(MLP).run(np.zeros((1, 4), F), **options)
    if set(options) <= {"dynamics", "dynamics_options", "delay"}:
        with pytest.raises(InputError, match=sentence):
            network(MLP).step(np.zeros((1, 4), F), **options)


@pytest.mark.parametrize("what", ["dynamics", "schedule", "encoder", "executor"])
def test_names(what: str) -> None:
    with pytest.raises(RegistryError, match=f"there is no {what} 'nothing'"):
        network(MLP).run(np.zeros((1, 4), F), **{what: "nothing"})


def test_spiking_inputs_need_a_coding() -> None:
    snn = network(MLP, encoder="float", spiking_inputs=("x",))
    with pytest.raises(InputError, match="cannot run with 'direct': convert it again with --encoder direct"):
        snn(np.zeros((1, 4), F), encoder="direct")


def test_too_few_steps_of_input() -> None:
    snn = network(MLP)
    with pytest.raises(InputError, match="the input 'x' has 3 time steps, 4 were asked for"):
        snn(sample(snn, 2, time=3)["x"], timesteps=4)
    with pytest.raises(InputError, match="takes one step of it at a time"):
        snn.step(sample(snn, 2, time=3)["x"])


def test_the_batch_of_a_stream_stays() -> None:
    snn = network(MLP)
    snn.step(np.zeros((2, 4), F))
    with pytest.raises(InputError, match=r"3 samples came to a stream of 2: call reset\(\)"):
        snn.step(np.zeros((3, 4), F))


def test_placing() -> None:
    with pytest.raises(InputError, match="there is no dtype 'float8' for synapses: choose float32, float64, float16"):
        place(network(MLP), "cpu", "float8")
    with pytest.raises(InputError, match="the device 'toaster' cannot be used"):
        place(network(MLP), "toaster")
    with pytest.raises(InputError, match="there is no population 'h': there are neuron_h"):
        network(MLP).set_population("h", levels=3)


def test_broadcast_weights_are_named_where_they_fail() -> None:
    snn = network("net (float[N, M] x) => (float[N, M] y) <float[4] b> { a = Add(x, b)  y = onnx2snn.SpikingRelu(a) }")
    with pytest.raises(ModelError, match="the Add node 'a' cannot be computed: The size of tensor a"):
        snn(np.zeros((1, 5), F))


def test_what_is_public() -> None:
    assert set(onnx2snn_runtime.__all__) >= {"load", "SpikingModel", "Run", "InputError", "ModelError"}
    for name in onnx2snn_runtime.__all__:
        assert getattr(onnx2snn_runtime, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = onnx2snn_runtime.nothing
