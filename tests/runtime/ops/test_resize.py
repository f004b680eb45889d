"""Resize and Upsample against onnxruntime."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from onnx2snn_runtime.ops.upsample import resize
from tests.runtime.ops.oracle import agree, floats, ints

TRANSFORMATIONS = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]
SCALES = [(1.0, 1.0, 2.0, 3.0), (1.0, 1.0, 0.6, 0.5), (1.0, 1.0, 1.7, 0.8), (1.0, 1.0, 0.2, 1.0), (1.0, 1.0, 1.3, 2.26)]


@pytest.mark.parametrize("scales", SCALES)
@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_modes(mode: str, transformation: str, scales: tuple[float, ...]) -> None:
    agree(
        "Resize",
        floats(2, 3, 7, 10),
        None,
        np.array(scales, np.float32),
        mode=mode,
        coordinate_transformation_mode=transformation,
    )


@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
def test_nearest_roundings(transformation: str, rounding: str) -> None:
    agree(
        "Resize",
        floats(1, 2, 5, 6),
        None,
        None,
        ints(1, 2, 8, 4),
        nearest_mode=rounding,
        coordinate_transformation_mode=transformation,
    )


@pytest.mark.parametrize("antialias", [0, 1])
@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("scales", SCALES)
def test_corners_are_aligned_to_whole_sizes(scales: tuple[float, ...], mode: str, antialias: int) -> None:
    agree(
        "Resize",
        floats(1, 2, 5, 6),
        None,
        np.array(scales, np.float32),
        mode=mode,
        antialias=antialias,
        coordinate_transformation_mode="align_corners",
    )


@pytest.mark.parametrize(("mode", "theirs"), [("linear", "bilinear"), ("cubic", "bicubic")])
def test_corners_are_aligned_as_pytorch_does(mode: str, theirs: str) -> None:
    x, scales = torch.from_numpy(floats(1, 2, 5, 6)), (1.5, 1.9)
    wanted = functional.interpolate(x, scale_factor=scales, mode=theirs, align_corners=True)
    found = resize(x, None, [1.0, 1.0, *scales], mode=mode, coordinate_transformation_mode="align_corners")
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_a_size_that_stays_is_no_change(mode: str, transformation: str) -> None:
    x, scales = floats(1, 2, 3, 2), np.array([1, 1, 1.3, 1.2], np.float32)
    agree("Resize", x, None, scales, mode=mode, coordinate_transformation_mode=transformation)
    if mode != "nearest":
        scales = np.array([1, 1, 1.3, 0.5], np.float32)
        agree("Resize", x, None, scales, mode=mode, antialias=1, coordinate_transformation_mode=transformation)


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_antialias(mode: str) -> None:
    agree("Resize", floats(1, 2, 12, 9), None, None, ints(1, 2, 5, 4), mode=mode, antialias=1, exclude_outside=1)


@pytest.mark.parametrize("policy", ["not_larger", "not_smaller"])
def test_aspect_ratio(policy: str) -> None:
    agree(
        "Resize",
        floats(1, 2, 6, 9),
        None,
        None,
        ints(7, 5),
        mode="linear",
        axes=[2, 3],
        keep_aspect_ratio_policy=policy,
    )


def test_crop_and_resize() -> None:
    agree(
        "Resize",
        floats(1, 2, 6, 9),
        np.array([0, 0, 0.2, -0.1, 1, 1, 0.8, 1.2], np.float32),
        None,
        ints(1, 2, 4, 5),
        mode="linear",
        coordinate_transformation_mode="tf_crop_and_resize",
        extrapolation_value=7.0,
    )


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("scales", [(1.0, 1.0, 2.0, 2.0), (1.0, 1.0, 1.5, 2.5)])
@pytest.mark.parametrize(("op", "opset"), [("Resize", 10), ("Upsample", 9)])
def test_old_operators(op: str, opset: int, scales: tuple[float, ...], mode: str) -> None:
    agree(op, floats(1, 2, 4, 6), np.array(scales, np.float32), opset=opset, mode=mode)


def test_old_resize_shrinks() -> None:
    agree("Resize", floats(1, 2, 8, 9), np.array([1, 1, 0.5, 0.4], np.float32), opset=10, mode="nearest")


def test_scales_are_float32() -> None:
    # 10 * 0.7 in float32 is 7; a float64 product of the float32 scale would be 6.9999999
    agree("Resize", floats(1, 1, 10, 10), None, np.array([1, 1, 0.7, 0.7], np.float32), mode="linear")
