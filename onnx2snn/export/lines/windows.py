"""Convolutions and average pools as layers: one group, the same padding on both sides."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from onnx2snn.export.lines.graph import Layer, Value, per_channel
from onnx2snn.export.lines.synapses import SYNAPSES, Site
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops.conv import Geometry, geometry


@SYNAPSES.register("Conv")
def convolution(site: Site) -> Value:
    """y = w * x + b: groups are written out, and unequal padding becomes zeros in the kernel."""
    value, weight, groups = site.value(), site.constant(1, "weights").astype(np.float64), site.attribute("group", 1)
    if site.builder.dense:
        weight, groups = ungrouped(weight, groups), 1
    g = geometry(
        value.shape[1:], weight.shape[2:], site.attribute("strides"), site.attribute("dilations"),
        site.attribute("pads"), site.attribute("auto_pad", "NOTSET"),
    )  # fmt: skip
    bias = np.zeros(len(weight))
    if len(site.inputs) > 2 and site.inputs[2] is not None:
        bias = site.constant(2, "biases").astype(np.float64)
    return _convolved(site, value, weight, bias, g, groups)


@SYNAPSES.register("Pad")
def padded(site: Site) -> Value:
    """y = x with zeros around it: a convolution by one."""
    value = site.value()
    fill = site.inputs[2] if len(site.inputs) > 2 else None
    pads, rank = site.constant(1, "pads").astype(int).tolist(), len(value.shape) + 1
    axes = site.inputs[3] if len(site.inputs) > 3 else None
    outside = pads[:2] + pads[rank : rank + 2]
    if site.attribute("mode", "constant") != "constant" or axes is not None or len(pads) != 2 * rank:
        raise UnsupportedError("it pads with other than zeros")
    if any(outside) or (isinstance(fill, np.ndarray) and np.any(fill != 0)):
        raise UnsupportedError("it pads with other than zeros, or other than places")
    size, spatial = value.shape[0], len(value.shape) - 1
    if not site.builder.dense:
        inputs, factor = site.builder.common(value)
        return site.builder.one(_pad(site, inputs, pads[2:rank], pads[rank + 2 :]), factor)
    eye = np.eye(size).reshape(size, size, *[1] * spatial)
    g = geometry(value.shape[1:], [1] * spatial, None, None, pads[2:rank] + pads[rank + 2 :], "NOTSET")
    return _convolved(site, value, eye, np.zeros(size), g)


@SYNAPSES.register("AveragePool")
def average(site: Site) -> Value:
    """y = the mean of every window."""
    value, kernel = site.value(), site.attribute("kernel_shape")
    g = geometry(
        value.shape[1:], kernel, site.attribute("strides"), site.attribute("dilations"), site.attribute("pads"),
        site.attribute("auto_pad", "NOTSET"), site.attribute("ceil_mode", 0),
    )  # fmt: skip
    if any(g.overhang) or any(d != 1 for d in g.dilations):
        raise UnsupportedError("its windows hang over the edge, or have gaps")
    if any((*g.begin, *g.end)) and not site.attribute("count_include_pad", 0):
        raise UnsupportedError("it averages over fewer places at the edge (count_include_pad=0 with padding)")
    if g.begin != g.end:
        raise UnsupportedError("it pads one end more than the other before it averages: pad both alike")
    if site.sums and any(g.begin):
        raise UnsupportedError(
            "it pads before it averages: leave its pads out, or choose --target spikingjelly or snntorch"
        )
    return _pooled(site, value, g)


@SYNAPSES.register("GlobalAveragePool")
def global_average(site: Site) -> Value:
    """y = the mean of every channel."""
    value = site.value()
    return _pooled(site, value, geometry(value.shape[1:], value.shape[1:], None, None, None, "NOTSET"))


@SYNAPSES.register("ReduceMean")
def reduced(site: Site) -> Value:
    """y = the mean of every channel, where the axes are those of places."""
    value, rank = site.value(), len(site.value().shape) + 1
    held = site.inputs[1] if len(site.inputs) > 1 and site.inputs[1] is not None else site.attribute("axes")
    axes = sorted(int(axis) % rank for axis in (held if held is not None else ()))
    if axes != list(range(2, rank)) or rank < 3:
        raise UnsupportedError("it averages over other axes than the places")
    pooled = global_average(site)
    if site.attribute("keepdims", 1):
        return pooled
    layer = site.builder.add("Flatten", site.name, value.shape[:1], [pooled.terms[0].layer])
    factor = pooled.terms[0].factor
    return site.builder.one(layer, factor.reshape(-1) if factor.size > 1 else factor)


def ungrouped(weight: np.ndarray, groups: int) -> np.ndarray:
    """Return the weights [out, in / groups, ...] of a grouped convolution as those of one group [out, in, ...]."""
    out, width = weight.shape[:2]
    full = np.zeros((out, width * groups, *weight.shape[2:]))
    each = out // groups
    for group in range(groups):
        rows = slice(group * each, (group + 1) * each)
        full[rows, group * width : (group + 1) * width] = weight[rows]
    return full


def _convolved(site: Site, value: Value, weight: np.ndarray, bias: np.ndarray, g: Geometry, groups: int = 1) -> Value:
    inputs, factor = site.builder.common(value)
    channels = per_channel(factor, value.shape)
    if channels is None:
        raise UnsupportedError("its neurons have scales of their own")
    rows = np.broadcast_to(channels, value.shape[:1]).reshape(groups, 1, weight.shape[1], *[1] * (weight.ndim - 2))
    weight = (weight.reshape(groups, -1, *weight.shape[1:]) * rows).reshape(weight.shape)
    sizes = [
        _places(*axis) for axis in zip(value.shape[1:], g.begin, g.end, g.kernel, g.dilations, g.strides, strict=True)
    ]
    pads = tuple(g.begin)
    if site.builder.dense:
        weight, pads = _square(weight, value.shape[1:], sizes, g)
    elif g.begin != g.end:
        inputs, pads = [_pad(site, inputs, g.begin, g.end)], (0,) * len(sizes)
    options: dict[str, Any] = {"stride": tuple(g.strides), "padding": pads, "dilation": tuple(g.dilations)}
    options |= {} if site.builder.dense else {"groups": groups}
    kind = f"Conv{len(sizes)}d"
    layer = site.builder.add(kind, site.name, (len(weight), *sizes), inputs, weight=weight, bias=bias, options=options)
    return site.builder.one(layer)


def _pad(site: Site, inputs: list[Layer], begin: Sequence[int], end: Sequence[int]) -> Layer:
    """Return a layer of the sum of `inputs` with zeros around its places."""
    channels, *places = inputs[0].shape
    shape = (channels, *(a + b + c for a, b, c in zip(places, begin, end, strict=True)))
    around = [pad for pair in zip(begin[::-1], end[::-1], strict=True) for pad in pair]
    return site.builder.add("Pad", f"{site.name}_pad", shape, inputs, options={"pads": around})


def _places(size: int, begin: int, end: int, kernel: int, dilation: int, stride: int) -> int:
    return (size + begin + end - (kernel - 1) * dilation - 1) // stride + 1


def _square(
    weight: np.ndarray, shape: Sequence[int], places: Sequence[int], g: Geometry
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return a kernel with zeros around it, and the padding that is then the same on both sides.

    NIR pads both sides alike, and its type check takes kernels for square: zeros in front or behind make them so.
    """
    axes = list(zip(shape, places, g.begin, g.kernel, g.dilations, g.strides, strict=True))
    for width in range(max(g.kernel), max(g.kernel) + max((*g.begin, *g.end)) + 2):
        found = [_front(width, *axis) for axis in axes]
        if None not in found:
            break
    else:
        raise UnsupportedError(
            f"its kernel and its padding ({g.kernel}, {g.begin} before, {g.end} behind) cannot be made square"
        )
    fronts = [front for front in found if front is not None]
    around = [(front, width - kernel - front) for front, kernel in zip(fronts, g.kernel, strict=True)]
    pads = tuple(begin + front * d for begin, front, d in zip(g.begin, fronts, g.dilations, strict=True))
    return np.pad(weight, [(0, 0), (0, 0), *around]), pads


def _front(width: int, size: int, places: int, begin: int, kernel: int, dilation: int, stride: int) -> int | None:
    """Return how many zeros stand in front of a kernel of `width` so that it gives as many places; None: it cannot."""
    for front in range(width - kernel + 1):
        pad = begin + front * dilation
        if _places(size, pad, pad, width, dilation, stride) == places:
            return front
    return None


def _pooled(site: Site, value: Value, g: Geometry) -> Value:
    inputs, factor = site.builder.common(value)
    channels = per_channel(factor, value.shape)
    if channels is None:
        raise UnsupportedError("its neurons have scales of their own")
    sizes = [
        (size + b + e - k) // s + 1
        for size, b, e, k, s in zip(value.shape[1:], g.begin, g.end, g.kernel, g.strides, strict=True)
    ]
    options = {"kernel_size": tuple(g.kernel), "stride": tuple(g.strides), "padding": tuple(g.begin)}
    kind = "SumPool2d" if site.sums else "AvgPool2d"
    if len(sizes) != 2:
        raise UnsupportedError("it pools over other than two axes")
    layer = site.builder.add(kind, site.name, (value.shape[0], *sizes), inputs, options=options)
    spread = channels / np.prod(g.kernel) if site.sums else channels
    return site.builder.one(layer, spread.reshape(-1, *[1] * len(sizes)) if spread.size > 1 else spread)
