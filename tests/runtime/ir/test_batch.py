"""The one place that knows where samples are: counting, splitting, filling up and joining, in numpy and torch alike."""

from typing import Any

import numpy as np
import onnx
import pytest
import torch

from onnx2snn_runtime.errors import InputError, ModelError
from onnx2snn_runtime.ir.batch import DATA, Arrays, BatchAxes, axes_of, batch_axis
from onnx2snn_runtime.ir.schema import ModelDefaults, read_defaults, write_defaults
from tests.runtime.networks import MLP, proto

NUMPY = Arrays(np.concatenate, np.stack, np.array_equal)
TORCH = Arrays(torch.cat, torch.stack, torch.equal)
STATES = BatchAxes({"x": 0, "h": 1, "rate": None}, {"y": 0, "hn": 1, "c": None}, ranks={"x": 2, "h": 3, "rate": 0})
SINGLE = BatchAxes({"x": None, "s": None}, {"y": None}, ranks={"x": 1, "s": 0})


def inputs(n: int = 5) -> dict[str, np.ndarray]:
    x = np.arange(n * 2.0).reshape(n, 2)
    return {"x": x, "h": np.arange(3.0 * n).reshape(3, n, 1), "rate": np.float32(2)}


def shapes(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value.shape for name, value in given.items()}


def test_samples_are_counted_along_their_axes() -> None:
    assert STATES.count(shapes(inputs(5))) == 5
    assert SINGLE.count({"x": (4,), "s": ()}) == 1
    assert SINGLE.count({"x": (7, 4), "s": ()}) == SINGLE.count({"x": (4,), "s": (7,)}) == 7
    assert BatchAxes().count({"x": (3, 4), "rate": ()}) == 3


@pytest.mark.parametrize(
    ("axes", "given", "sentence"),
    [
        (STATES, {"x": (5, 2), "h": (3, 4, 1)}, r"differ in their number of samples: \{'x': 5, 'h': 4\}"),
        (STATES, {"x": (5, 2), "h": (3, 0, 1)}, "there are no samples: the batch axis of the input 'h' is empty"),
        (STATES, {"x": (0, 2)}, "there are no samples: the first axis of the input 'x' is empty"),
    ],
)
def test_numbers_that_do_not_fit(axes: BatchAxes, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        axes.count(given)


@pytest.mark.parametrize("convert", [np.asarray, torch.as_tensor])
def test_what_is_split_is_joined_again(convert: Any) -> None:
    arrays = NUMPY if convert is np.asarray else TORCH
    given = {name: convert(value) for name, value in inputs(5).items()}
    parts, counts = zip(*STATES.split(given, 2), strict=True)
    assert counts == (2, 2, 1)
    assert [tuple(part["h"].shape) for part in parts] == [(3, 2, 1), (3, 2, 1), (3, 1, 1)]
    assert all(part["rate"] is given["rate"] for part in parts)
    joined = STATES.join("hn", [part["h"] for part in parts], counts, arrays)
    assert arrays.equal(joined, given["h"])


def test_time_stands_in_front_of_all() -> None:
    given = {"x": np.zeros((7, 5, 2)), "h": np.zeros((3, 5, 1))}
    part, count = next(STATES.split(given, 2, ["x"]))
    assert (part["x"].shape, part["h"].shape, count) == ((7, 2, 2), (3, 2, 1), 2)


def test_a_network_without_a_batch_takes_one_sample_a_call() -> None:
    given = {"x": np.arange(6.0).reshape(3, 2), "s": np.float32(1)}
    parts, counts = zip(*SINGLE.split(given, 16), strict=True)
    assert (counts, [part["x"].tolist() for part in parts]) == ((1, 1, 1), [[0, 1], [2, 3], [4, 5]])
    assert SINGLE.stacked(shapes(given))
    assert not SINGLE.stacked({"x": (2,), "s": ()})
    results = [part["x"].sum() for part in parts]
    assert SINGLE.join("y", [np.asarray(r) for r in results], counts, NUMPY, stacked=True).tolist() == [1, 5, 9]
    assert SINGLE.join("y", [np.asarray(results[0])], [1], NUMPY).shape == ()
    ragged = SINGLE.join("y", [np.zeros(2), np.zeros(3)], [1, 1], NUMPY, stacked=True)
    assert [len(entry) for entry in ragged] == [2, 3]


def test_samples_that_act_on_each_other_stay_together() -> None:
    joint = BatchAxes({"x": 0, "z": 0}, {"y": 0}, joint=True)
    given = {"x": np.zeros((5, 2)), "z": np.zeros((3, 2))}
    assert joint.most(2, 5) == 5
    assert [(shapes(part), count) for part, count in joint.split(given, 2)] == [(shapes(given), 5)]
    assert joint.filled(given, 5, NUMPY) == given


def test_a_fixed_batch_is_filled_up_and_cut() -> None:
    fixed = BatchAxes(STATES.inputs, STATES.outputs, size=4, ranks=STATES.ranks)
    (part, count), (rest, left) = fixed.split(inputs(5), 99)
    assert (count, left, fixed.most(99, 5)) == (4, 1, 4)
    full = fixed.filled(rest, left, NUMPY)
    assert full["h"].shape == (3, 4, 1)
    assert (full["x"] == rest["x"]).all()
    assert fixed.join("hn", [part["h"], full["h"]], [count, left], NUMPY).shape == (3, 5, 1)
    assert fixed.join("heads", [np.zeros((8, 2))], [3], NUMPY).shape == (6, 2)  # the shape decides: two a sample


def test_a_fixed_batch_without_end_is_refused() -> None:
    fixed = BatchAxes(STATES.inputs, STATES.outputs, size=2**31 - 1, ranks=STATES.ranks)
    with pytest.raises(InputError, match="'x' is fixed to 2147483647 samples a call, which do not fit in memory"):
        fixed.filled(inputs(5), 5, NUMPY)


@pytest.mark.parametrize(("axis", "kind"), [(0, "joined"), (None, "stacked"), (DATA, "listed")])
def test_outputs_of_a_batch_of_one(axis: Any, kind: str) -> None:
    one = BatchAxes({"x": 0}, {"y": axis}, size=1)
    parts = [np.zeros((1, 3)), np.ones((1, 3))]
    found = one.join("y", parts, [1, 1], NUMPY)
    if kind == "listed":
        assert isinstance(found, list)
    else:
        assert found.shape == {"joined": (2, 3), "stacked": (2, 1, 3)}[kind]
    assert one.join("y", parts[:1], [1], NUMPY) is parts[0]


def test_results_that_do_not_depend_on_the_batch_are_one() -> None:
    same = np.arange(3)
    assert STATES.join("c", [same, same.copy()], [2, 1], NUMPY) is same
    with pytest.raises(InputError, match=r"'c' has no batch axis: run all samples at once \(batch_size=3\)"):
        STATES.join("c", [same, same + 1], [2, 1], NUMPY)


def test_a_lone_sample_that_lost_its_axis_gets_it_back() -> None:
    assert STATES.join("y", [np.zeros((2, 3)), np.zeros(3)], [2, 1], NUMPY).shape == (3, 3)


def test_what_is_written_is_read() -> None:
    model = proto(MLP)
    assert axes_of(model).inputs == {"x": 0}
    assert axes_of(model).outputs == {}
    axes = BatchAxes({"x": 1}, {"y": DATA}, joint=True, size=2)
    write_defaults(model, ModelDefaults(**axes.recorded()))
    found = axes_of(model)
    assert (found.inputs, found.outputs, found.joint, found.size) == (axes.inputs, axes.outputs, True, 2)
    assert (found.ranks, found.declared) == ({"x": 2}, {"y": (0, 3)})


@pytest.mark.parametrize("axis", [2, "data"])
def test_an_axis_that_an_input_does_not_have(axis: Any) -> None:
    model = proto(MLP)
    write_defaults(model, ModelDefaults(batch_axes={"x": axis}))
    with pytest.raises(ModelError, match=f"the batch axis {axis!r} of 'x' is none of its axes"):
        axes_of(model)


@pytest.mark.parametrize("axis", [-1, 1.5, True, "first"])
def test_damaged_axes(axis: Any) -> None:
    model = proto(MLP)
    write_defaults(model, ModelDefaults(batch_axes={"x": axis}))
    with pytest.raises(ModelError, match="batch"):
        read_defaults(model)


def test_a_model_that_records_nothing_has_its_samples_in_front() -> None:
    text = '<ir_version: 8, opset_import: ["" : 17]> net (float[N, 4] x, float s) => (float[N, 4] y) { y = Mul(x, s) }'
    assert axes_of(onnx.parser.parse_model(text)).inputs == {"x": 0, "s": None}


@pytest.mark.parametrize(
    ("axes", "name", "words"),
    [
        (STATES, "h", "samples along axis 1"),
        (STATES, "rate", "one for all samples"),
        (STATES, "c", "without a batch axis"),
        (SINGLE, "x", "one sample a call"),
        (BatchAxes({"x": 0}, {"y": DATA}), "y", "as long as the data say"),
        (BatchAxes({"x": 0}, {"y": None}, joint=True), "y", "of all samples at once"),
        (BatchAxes({"x": 0}), "y", "samples where the shapes say"),
    ],
)
def test_words(axes: BatchAxes, name: str, words: str) -> None:
    assert axes.described(name) == words


@pytest.mark.parametrize(
    ("found", "sizes", "declared", "axis"),
    [
        ([(4, 3), (2, 3)], [4, 2], None, 0),
        ([(3, 4), (3, 2)], [4, 2], None, 1),
        ([(8, 3), (4, 3)], [4, 2], None, 0),  # two heads a sample
        ([(8, 4), (4, 2)], [4, 2], None, 1),
        ([(3,), (3,)], [4, 2], None, None),
        ([(4, 4)], [4], [-1, 0], 1),
    ],
)
def test_what_shapes_tell(found: Any, sizes: list[int], declared: Any, axis: int | None) -> None:
    assert batch_axis(found, sizes, declared) == axis
