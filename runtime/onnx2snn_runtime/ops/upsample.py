"""The operators Resize and Upsample of all opsets, as calls of one resampling."""

from torch import Tensor

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import Declared, Floats, Ints, operator
from onnx2snn_runtime.ops.resize import Sampling, resample, scaled

OPERATORS: Declared = {
    "Resize": {
        "affine": "tccc",
        "affine_if": {
            "coordinate_transformation_mode": (
                "half_pixel",
                "half_pixel_symmetric",
                "pytorch_half_pixel",
                "align_corners",
                "asymmetric",
                "tf_half_pixel_for_nn",
            )
        },
        "resampling": True,
        "since": 10,
    },
    "Upsample": {"affine": "tccc", "resampling": True},
}


def _sizes(x: Tensor, axes: list[int], sizes: list[int], policy: str) -> list[tuple[int, float]]:
    """Return (size, scale) along each axis for the wanted sizes."""
    ratios = [n / x.shape[axis] for n, axis in zip(sizes, axes, strict=True)]
    if policy == "stretch":
        return list(zip(sizes, ratios, strict=True))
    if policy not in ("not_larger", "not_smaller"):
        raise UnsupportedError(f"Resize with keep_aspect_ratio_policy={policy!r} is not supported")
    scale = min(ratios) if policy == "not_larger" else max(ratios)
    return [(int(scale * x.shape[axis] + 0.5), scale) for axis in axes]


@operator("Resize", since=11)
def resize(
    x: Tensor,
    roi: Floats | None = None,
    scales: Floats | None = None,
    sizes: Ints | None = None,
    *,
    antialias: int = 0,
    axes: list[int] | None = None,
    coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0,
    extrapolation_value: float = 0.0,
    keep_aspect_ratio_policy: str = "stretch",
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
) -> Tensor:
    """y = x interpolated to new sizes along `axes`."""
    if mode not in ("nearest", "linear", "cubic"):
        raise UnsupportedError(f"Resize with mode={mode!r} is not supported: known are nearest, linear and cubic")
    how = Sampling(
        mode, coordinate_transformation_mode, nearest_mode, cubic_coeff_a, bool(exclude_outside), bool(antialias)
    )
    chosen = [axis % x.ndim for axis in axes] if axes is not None else list(range(x.ndim))
    rois = [(0.0, 1.0)] * len(chosen)
    if roi and how.transformation == "tf_crop_and_resize":
        rois = list(zip(roi[: len(chosen)], roi[len(chosen) :], strict=True))
    if sizes:
        targets = _sizes(x, chosen, sizes, keep_aspect_ratio_policy)
    else:
        # onnxruntime takes the scale of the whole axis, where the specification takes that of the part
        targets = [(scaled(x.shape[axis], s), s) for s, axis in zip(scales or [], chosen, strict=True)]
    return resample(x, how, chosen, targets, rois, extrapolation_value)


def _upsample(x: Tensor, scales: list[float], mode: str, nearest_mode: str) -> Tensor:
    if mode not in ("nearest", "linear", "bilinear"):
        raise UnsupportedError(f"Upsample with mode={mode!r} is not supported: known are nearest and linear")
    how = Sampling("nearest" if mode == "nearest" else "linear", "asymmetric", nearest_mode)
    targets = [(scaled(n, s), s) for n, s in zip(x.shape, scales, strict=True)]
    return resample(x, how, range(x.ndim), targets, [(0.0, 1.0)] * x.ndim)


@operator("Resize", since=10)
def resize_by_scales(x: Tensor, scales: Floats, *, mode: str = "nearest") -> Tensor:
    """y = x at positions i / scale (opset 10); nearest takes the element below, when shrinking the one above."""
    return _upsample(x, scales, mode, "simple")


@operator("Upsample", since=7)
def upsample(x: Tensor, scales: Floats, *, mode: str = "nearest") -> Tensor:
    """y = x at positions i / scale."""
    return _upsample(x, scales, mode, "floor")


@operator("Upsample")
def upsample_plane(x: Tensor, *, height_scale: float, width_scale: float, mode: str = "nearest") -> Tensor:
    """y = x (N, C, H, W) at positions i / scale (opset 1)."""
    return _upsample(x, [1.0, 1.0, height_scale, width_scale], mode, "floor")
