"""Ranges: the largest output, or what holds all but a few."""

import numpy as np
import onnx
import pytest
from onnx import helper

import onnx2snn
from onnx2snn.fitting.calibrate import Statistics, check_range
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.ir.schema import is_neuron, read_neuron


@pytest.mark.parametrize(
    ("values", "percent", "power"),
    [
        ([0.0], 99.9, 0.0),
        ([1.0], 99.9, 1.0),
        ([-1.01], 99.9, 2.0),
        ([0.5, 0.5, 0.5, 7.0], 75.0, 0.5),  # three of four are in (1/4, 1/2]
        ([0.5, 0.5, 0.5, 7.0], 75.1, 8.0),
        ([0.0] * 1000 + [3.0], 50.0, 4.0),  # silence does not count
        ([2.0**-90, 2.0**-90, np.nan, np.inf], 99.9, 2.0**-90),
        ([1e40], 99.9, 2.0**100),
    ],
)
def test_a_percentile_is_a_power_of_two(values, percent, power) -> None:
    seen = Statistics()
    for part in np.array_split(np.array(values), 3):
        seen.update(part, octaves=True)
    assert seen.percentile(percent) == power


def test_an_outlier_does_not_set_the_scale(network: onnx.ModelProto, features: np.ndarray) -> None:
    data = np.random.default_rng(0).normal(size=(2000, 4)).astype(np.float32)
    data[1] *= 1000  # not among those held back
    scales = {}
    for kind in ("maximum", "percentile"):
        snn = onnx2snn.convert(network, data, range=kind, dynamics="if", adapt=False)
        (node,) = filter(is_neuron, snn.proto.graph.node)
        scales[kind] = float(read_neuron(node).scale)
        assert read_neuron(node).maximum > 1000
    assert scales["maximum"] > 100 * scales["percentile"]
    assert scales["percentile"] in (4.0, 8.0, 16.0)


def test_a_delay_is_kept(network: onnx.ModelProto, features: np.ndarray) -> None:
    assert onnx2snn.convert(network, features, delay=1, adapt=False).defaults.delay == 1


def test_dynamics_that_cannot_express_a_network(network: onnx.ModelProto, features: np.ndarray) -> None:
    gelu = onnx.ModelProto()
    gelu.CopyFrom(network)
    gelu.graph.node[1].CopyFrom(helper.make_node("Tanh", ["a"], ["h"], "soft"))
    with pytest.raises(onnx2snn.UnsupportedError, match=r"the dynamics 'if' expresses ReLU .*: Tanh \(.*differential"):
        onnx2snn.convert(gelu, features, dynamics="if", adapt=False)


@pytest.mark.parametrize(
    ("kind", "scale", "message"),
    [
        ("mean", "layer", "there is no range 'mean': choose maximum, percentile, fitted"),
        ("percentile", "channel", "percentiles are those of whole layers, not one a channel: choose the scale 'layer'"),
    ],
)
def test_ranges_that_cannot_be_measured(kind, scale, message) -> None:
    with pytest.raises(InputError, match=message):
        check_range(kind, scale)
