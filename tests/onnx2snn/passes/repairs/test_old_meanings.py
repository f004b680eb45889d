"""Resampling and normalization of old opsets, as they were."""

import numpy as np
import onnx
import pytest

from onnx2snn.passes.repairs.raise_opset import raise_opset
from onnx2snn_runtime.errors import ModelError
from tests.onnx2snn.front_end import by_default, converts, floats, network
from tests.onnx2snn.passes.rewriting import work_on

IMAGE = floats(24, 2, 6, 6)


def raised(model: onnx.ModelProto) -> onnx.ModelProto:
    work = work_on(model)
    raise_opset(work)
    return work.model


@pytest.mark.parametrize(
    ("opset", "node", "scales"),
    [
        (7, 'Upsample<mode = "linear", scales = [1.0, 1.0, 2.0, 2.0]>(h)', None),
        (8, 'Upsample<mode = "nearest", scales = [1.0, 1.0, 1.5, 3.0]>(h)', None),
        (9, 'Upsample<mode = "linear">(h, s)', [1, 1, 2, 2]),
        (9, 'Upsample<mode = "nearest">(h, s)', [1, 1, 3, 1.7]),
        (10, 'Resize<mode = "linear">(h, s)', [1, 1, 2, 2]),
        (10, 'Resize<mode = "linear">(h, s)', [1, 1, 0.5, 0.5]),
        (10, 'Resize<mode = "nearest">(h, s)', [1, 1, 0.34, 0.34]),
        (10, 'Resize<mode = "nearest">(h, s)', [1, 1, 1.6, 1.4]),
        (10, "Resize(h, s)", [1, 1, 0.4, 1.4]),
    ],
)
def test_resampling_means_what_it_meant(opset: int, node: str, scales: list[float] | None) -> None:
    body = f"a = Conv(x, k) h = Elu(a) r = {node} y = Conv(r, m)"
    model = network(
        body, "float[N, 2, 6, 6] x", "float[N, 3, H, W] y", opset=f'"" : {opset}',
        k=floats(4, 2, 1, 1), m=floats(3, 4, 1, 1), s=np.float32(scales or [1]),
    )  # fmt: skip
    converts(model, IMAGE)


def test_scales_that_are_no_constant() -> None:
    body = "s = Identity(scales) y = Resize(x, s)"
    model = network(body, "float[N, 2, 6, 6] x, float[4] scales", "float[N, 2, H, W] y", opset='"" : 10')
    for scales in ([1, 1, 0.4, 1.4], [1, 1, 2, 2], [1, 1, 0.5, 0.7]):
        given = {"x": IMAGE, "scales": np.float32(scales)}
        np.testing.assert_array_equal(by_default(raised(model), given)["y"], by_default(model, given)["y"])


@pytest.mark.parametrize("opset", [9, 13])
def test_several_outputs_meant_statistics_of_the_batch(opset: int) -> None:
    body = "y, m, v, sm, sv = BatchNormalization<epsilon = 0.001>(x, g, h, mean, var)"
    weights = {"g": floats(2, seed=1), "h": floats(2, seed=2), "mean": floats(2, seed=3), "var": np.float32([1, 2])}
    model = network(body, "float[N, 2, 6, 6] x", "float[N, 2, 6, 6] y", opset=f'"" : {opset}', **weights)
    new = raised(model)
    centred = IMAGE - IMAGE.mean((0, 2, 3), keepdims=True)
    unit = centred / np.sqrt(IMAGE.var((0, 2, 3), keepdims=True) + 1e-3)
    wanted = unit * weights["g"].reshape(2, 1, 1) + weights["h"].reshape(2, 1, 1)
    np.testing.assert_allclose(by_default(new, {"x": IMAGE})["y"], wanted, rtol=1e-4, atol=1e-5)
    assert new.opset_import[0].version == 15


def test_statistics_that_no_new_opset_saves_are_refused() -> None:
    body = "y, m, v, sm, sv = BatchNormalization(x, g, g, g, g)"
    ports = "float[N, 2, 6, 6] x", "float[N, 2, 6, 6] y, float[2] sv"
    model = network(body, *ports, opset='"" : 9', g=np.float32([1, 2]))
    with pytest.raises(
        ModelError, match="'sv', an output of the BatchNormalization node 'y', is of training alone: export"
    ):
        raised(model)


@pytest.mark.parametrize("axis", ["", "<axis = 1>", "<axis = 2>", "<axis = 3>"])
@pytest.mark.parametrize("opset", [8, 11])
def test_an_old_hardmax_takes_all_axes_from_its_own_on(opset: int, axis: str) -> None:
    body = f"a = Conv(x, k) h = Hardmax{axis}(a) r = Elu(h) y = Conv(r, m)"
    model = network(
        body, "float[N, 2, 6, 6] x", "float[N, 3, 6, 6] y", opset=f'"" : {opset}',
        k=floats(4, 2, 1, 1), m=floats(3, 4, 1, 1),
    )  # fmt: skip
    np.testing.assert_allclose(
        by_default(raised(model), {"x": IMAGE})["y"], by_default(model, {"x": IMAGE})["y"], atol=1e-5
    )
