"""The figures of an evaluation, against what a direct computation gives."""

import json
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from onnx2snn.data.readers import Samples
from onnx2snn.evaluation.evaluation import evaluate
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.model import SpikingModel
from tests.onnx2snn.conftest import spiking

KEYS = ["agreement", "cosine", "relative_error", "not_finite", "accuracy", "events_per_neuron", "events"]
KEYS += ["synaptic_operations"]
KEYS += ["mean_timesteps"]


def samples(features: np.ndarray, labels: np.ndarray | None = None) -> Samples:
    return Samples({"x": features}, labels, len(features))


def test_the_figures_are_those_of_one_run(snn: SpikingModel, features: np.ndarray) -> None:
    labels = np.arange(40) % 3
    found = evaluate(snn, samples(features, labels), [1, 4], batch_size=7)
    plain = run_ann(snn.proto, {"x": features}, 40)["logits"]
    run = snn.run(features, [1, 4], operations=True)
    assert (found["model"], found["samples"], list(found["timesteps"])) == ("net", 40, ["1", "4"])
    assert found["ann"]["accuracy"] == np.mean(plain.argmax(1) == labels)
    for t in (1, 4):
        figures = found["timesteps"][str(t)]
        assert list(figures) == KEYS
        assert figures["agreement"] == np.mean(plain.argmax(1) == run.outputs[t].argmax(1))
        assert figures["accuracy"] == np.mean(labels == run.outputs[t].argmax(1))
        error = np.linalg.norm(run.outputs[t] - plain) / np.linalg.norm(plain)
        assert figures["relative_error"] == pytest.approx(error, rel=1e-5)
        assert figures["events"] == run.events[t]
        assert figures["events_per_neuron"] == pytest.approx(run.events[t] / (8 * 40))
        assert figures["synaptic_operations"] == run.synaptic_operations[t]


def test_a_fixed_batch_gives_the_same(
    make_snn: Callable[..., SpikingModel], network: onnx.ModelProto, features: np.ndarray
) -> None:
    free = make_snn()
    network.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 16
    fixed = make_snn(batch=16)
    expected, found = (evaluate(model, samples(features), [2])["timesteps"]["2"] for model in (free, fixed))
    assert found == pytest.approx(expected)


def test_without_labels_accuracy_is_null(snn: SpikingModel, features: np.ndarray) -> None:
    found = evaluate(snn, samples(features), [2])
    assert found["ann"]["accuracy"] is None
    assert found["timesteps"]["2"]["accuracy"] is None
    assert "NaN" not in json.dumps(found)


def test_overrides_reach_the_run(snn: SpikingModel, features: np.ndarray) -> None:
    options = {"dynamics": "signgd", "executor": "event"}
    found = evaluate(snn, samples(features), [3], **options)
    assert found["timesteps"]["3"]["events_per_neuron"] == 3.0


def test_early_exit_at_several_time_steps_is_a_run_of_each(snn: SpikingModel, features: np.ndarray) -> None:
    options = {"early_exit": "stable", "stable_steps": 3}
    found = evaluate(snn, samples(features), [2, 4, 8], batch_size=16, **options)
    alone = [evaluate(snn, samples(features), [t], **options)["timesteps"][str(t)] for t in (2, 4, 8)]
    for figures, expected in zip(found["timesteps"].values(), alone, strict=True):
        assert figures == pytest.approx(expected)
    means = [figures["mean_timesteps"] for figures in found["timesteps"].values()]
    assert means[0] == 2.0 < means[1] <= means[2] < 8.0
    assert found["mean_timesteps"] == means[2]
    assert found["early_exit"] == "stable"


@pytest.mark.parametrize(("exit", "counted"), [({}, True), ({"early_exit": "stable"}, False)])
@pytest.mark.parametrize(
    "dynamics", [{"dynamics": "if"}, {"dynamics": "signgd", "dynamics_options": {"momentum": 0.5}}]
)
def test_operations_are_left_out_where_they_cannot_be_counted(
    snn: SpikingModel, features: np.ndarray, dynamics: dict, exit: dict, counted: bool
) -> None:
    whole = evaluate(snn, samples(features), [6], batch_size=20, **dynamics, **exit)
    assert (whole["energy"] is not None) == counted
    found = whole["timesteps"]["6"]
    assert (found["synaptic_operations"] is not None) == counted
    assert found["events"] > 0
    signs = evaluate(snn, samples(features), [6], dynamics="signgd", **exit)["timesteps"]["6"]
    assert signs["synaptic_operations"] > 0


def test_energy_is_that_of_one_run(snn: SpikingModel, features: np.ndarray) -> None:
    found = evaluate(snn, samples(features), [1, 4], batch_size=7, by_layer=True)["energy"]
    run, plain = snn.run(features, [1, 4], operations=True), snn.plain_operations(features)
    for t in (1, 4):
        counts, energies = found["operations"][str(t)], found["int8"][str(t)]
        assert counts["shift_adds"] == run.operations[t].shift_adds / 40
        assert counts["shift_adds_per_mac"] == run.operations[t].shift_adds_per_mac
        assert energies["ann"] == pytest.approx(plain.dense_once * 0.3 / 40)
        spent = run.operations[t].shift_adds * 0.1 + run.operations[t].multiplications * 0.3
        assert energies["shift_adds"] == pytest.approx(spent / 40)
    assert [layer["effective_macs"] * 40 for layer in found["layers"]] == [
        layer.effective_macs for layer in run.operations[4].layers
    ]
    assert "layers" not in evaluate(snn, samples(features), [1])["energy"]
    weights = sum(value.numel() for value in snn.program.constants.values() if value.is_floating_point())
    assert found["footprint"] == {"fp32": 4 * weights, "fp16": 2 * weights, "int8": weights}


def test_progress_ends_at_one(snn: SpikingModel, features: np.ndarray) -> None:
    seen: list[float] = []
    evaluate(snn, samples(features), [1], batch_size=16, progress=lambda stage, share: seen.append(share))
    assert seen == [0.4, 0.8, 1.0]


def test_maps_agree_by_pixel(features: np.ndarray) -> None:
    model = parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17]>
        map (float[N, 4] x) => (float[N, 2, 2, 1] y) { h = Relu(x)  y = Reshape(h, s) }"""
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array([-1, 2, 2, 1]), "s"))
    labels = np.zeros((40, 2, 1), np.int64)
    labels[:, 1] = -100
    found = evaluate(SpikingModel(spiking(model)), samples(features, labels), [6])
    classes = np.maximum(features, 0).reshape(-1, 2, 2).argmax(1)
    assert found["class_axis"] == 1
    assert found["timesteps"]["6"]["agreement"] > 0.9
    assert found["ann"]["accuracy"] == np.mean(classes[:, 0] == 0)


def test_integer_outputs_are_classes(network: onnx.ModelProto, features: np.ndarray) -> None:
    network.graph.node.append(onnx.helper.make_node("ArgMax", ["logits"], ["label"], axis=1, keepdims=0))
    network.graph.output.append(onnx.helper.make_tensor_value_info("label", onnx.TensorProto.INT64, ["N"]))
    model = SpikingModel(spiking(network))
    by_logits = evaluate(model, samples(features), [3])["timesteps"]["3"]
    by_label = evaluate(model, samples(features), [3], output="label")["timesteps"]["3"]
    assert by_label == by_logits | {"relative_error": None}


def test_what_does_not_fit(snn: SpikingModel, features: np.ndarray) -> None:
    with pytest.raises(InputError, match="has no output 'y': its outputs are logits"):
        evaluate(snn, samples(features), [1], output="y")
    for axis in (2, 0, -2):
        with pytest.raises(InputError, match=f"no class axis {axis}"):
            evaluate(snn, samples(features), [1], class_axis=axis)
    with pytest.raises(InputError, match="varies in time"):
        evaluate(snn, samples(np.stack([features, features])), [1])
    with pytest.raises(InputError, match=r"has the shape \(40, 3\)"):
        evaluate(snn, samples(features[:, :3]), [1])
    for labels, sentence in {
        (0, 3): r"the labels go up to 3, and the model tells 3 classes apart: number them from 0 to 2",
        (-1, 2): "",
    }.items():
        numbers = np.resize(np.asarray(labels), 40)
        if sentence:
            with pytest.raises(InputError, match=sentence):
                evaluate(snn, Samples({"x": features}, numbers, 40), [1])
        else:
            assert evaluate(snn, Samples({"x": features}, numbers, 40), [1])["ann"]["accuracy"] is not None
    with pytest.raises(InputError, match=r"the labels have the shape \(40, 3\): give one class .* answer, samples"):
        evaluate(snn, Samples({"x": features}, np.eye(3, dtype=np.int64)[np.arange(40) % 3], 40), [1])
    with pytest.raises(InputError, match="timesteps is"):
        evaluate(snn, samples(features), [0])
