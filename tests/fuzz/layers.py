"""Templates of operators with weights, of normalisations and of pools."""

import numpy as np

from tests.fuzz.growing import Growing, Misfit, Value
from tests.fuzz.operators import template


def _window(g: Growing, x: Value, most: int = 3) -> tuple[list[int], dict[str, object]]:
    """Return the kernel of a window over the spatial axes of `x`, and its other attributes, odd ones included."""
    sizes = x.sizes[1:]
    kernel = [int(g.draw.integers(1, min(most, size) + 1)) for size in sizes]
    given: dict[str, object] = {"strides": [int(g.draw.integers(1, 3)) for _ in sizes]}
    if g.chance(0.4):
        given["pads"] = [int(g.draw.integers(0, k)) for k in kernel + kernel]
    elif g.chance(0.3):
        given["auto_pad"] = g.choose("SAME_UPPER", "SAME_LOWER", "VALID")
    return kernel, given


@template("Conv")
def _conv(g: Growing) -> object:
    x = g.pick(3, 5)
    kernel, given = _window(g, x)
    if g.chance(0.2) and "auto_pad" not in given:
        given["dilations"] = [int(g.draw.integers(1, 3)) for _ in kernel]
    groups = g.choose(1, 1, x.sizes[0])
    out = int(g.draw.integers(1, 4)) * groups
    bias = [g.weight(out)] if g.chance(0.5) else []
    weight = g.weight(out, x.sizes[0] // groups, *kernel)
    return g.add("Conv", [x, weight, *bias], kernel_shape=kernel, group=groups, **given)


@template("ConvTranspose")
def _conv_transpose(g: Growing) -> object:
    x = g.pick(3, 4)
    kernel = [int(g.draw.integers(1, 4)) for _ in x.sizes[1:]]
    strides = [int(g.draw.integers(1, 3)) for _ in kernel]
    groups = g.choose(1, x.sizes[0])
    weight = g.weight(x.sizes[0], int(g.draw.integers(1, 3)), *kernel)
    extra = {"output_padding": [g.choose(0, s - 1) for s in strides]} if g.chance(0.3) else {}
    return g.add("ConvTranspose", [x, weight], kernel_shape=kernel, strides=strides, group=groups, **extra)


@template("Gemm")
def _gemm(g: Growing) -> object:
    x = g.pick(2, 2)
    out, across = int(g.draw.integers(1, 9)), g.choose(0, 1)
    weight = g.weight(*((out, x.sizes[0]) if across else (x.sizes[0], out)))
    bias = [g.weight(out)] if g.opset < 11 or g.chance(0.6) else []
    return g.add("Gemm", [x, weight, *bias], transB=across, alpha=g.choose(1.0, 0.5), beta=g.choose(1.0, 2.0))


@template("MatMul")
def _matmul(g: Growing) -> object:
    x = g.pick(2)
    return g.add("MatMul", [x, g.weight(x.sizes[-1], int(g.draw.integers(1, 9)))])


@template("MatMul of two")
def _product(g: Growing) -> object:
    x = g.pick(3, 4)
    order = [*range(len(x.shape) - 2), len(x.shape) - 1, len(x.shape) - 2]
    return g.add("MatMul", [x, g.add("Transpose", [g.like(x)], perm=order)[0]])


@template("BatchNormalization")
def _batch_norm(g: Growing) -> object:
    x = g.pick(2)
    n = x.sizes[0]
    means = [g.weight(n) for _ in range(3)]
    return g.add("BatchNormalization", [x, *means, g.constant(g.draw.uniform(0.5, 2, n))], epsilon=1e-3)


def _scaled(name: str, since: int = 1):
    def add(g: Growing) -> object:
        x = g.pick(3, 5)
        n = x.sizes[0]
        return g.add(name, [x, g.weight(n), g.weight(n)], epsilon=1e-3)

    return add


template("InstanceNormalization")(_scaled("InstanceNormalization"))


@template("GroupNormalization")
def _group_norm(g: Growing) -> object:
    x = g.pick(3, 4)
    groups = g.choose(*[k for k in range(1, x.sizes[0] + 1) if x.sizes[0] % k == 0])
    n = groups if g.opset < 21 else x.sizes[0]
    return g.add("GroupNormalization", [x, g.weight(n), g.weight(n)], num_groups=groups, epsilon=1e-3)


@template("LayerNormalization")
def _layer_norm(g: Growing) -> object:
    x = g.pick(2)
    n = x.sizes[-1]
    return g.add(
        "LayerNormalization", [x, g.weight(n), *([g.weight(n)] if g.chance(0.5) else [])], axis=-1, epsilon=1e-2
    )


@template("RMSNormalization")
def _rms_norm(g: Growing) -> object:
    x = g.pick(2)
    return g.add("RMSNormalization", [x, g.weight(x.sizes[-1])], axis=-1, epsilon=1e-2)


@template("LpNormalization")
def _lp_norm(g: Growing) -> object:
    x = g.pick(2)
    return g.add("LpNormalization", [x], axis=len(x.shape) - 1, p=g.choose(1, 2))


@template("LRN")
def _lrn(g: Growing) -> object:
    return g.add("LRN", [g.pick(4, 4)], size=g.choose(1, 3), alpha=0.1, bias=1.5)


@template("MeanVarianceNormalization")
def _mean_variance(g: Growing) -> object:
    return g.add("MeanVarianceNormalization", [g.pick(4, 4)], axes=[2, 3])


def _pool(name: str):
    def add(g: Growing) -> object:
        x = g.pick(3, 5)
        if name.startswith("Global"):
            return g.add(name, [x])
        kernel, given = _window(g, x)
        if g.opset >= 10 and name != "LpPool" and "auto_pad" not in given and g.chance(0.2):
            given["ceil_mode"] = 1
        if name == "AveragePool" and g.chance(0.3):
            given["count_include_pad"] = 1
        return g.add(name, [x], kernel_shape=kernel, **given)

    return add


for _name in ("MaxPool", "AveragePool", "LpPool", "GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"):
    template(_name)(_pool(_name))


def _recurrent(name: str, gates: int):
    def add(g: Growing) -> object:
        x = g.pick(3, 3)
        if x.sizes[0] > 5:
            raise Misfit
        hidden, both = int(g.draw.integers(1, 4)), g.choose(1, 2)
        weights = [g.weight(both, gates * hidden, x.sizes[1]), g.weight(both, gates * hidden, hidden)]
        bias = [g.weight(both, 2 * gates * hidden)] if g.chance(0.5) else []
        time_first = g.hidden("Transpose", [x], perm=[1, 0, 2])
        given = {"hidden_size": hidden, "direction": "bidirectional" if both == 2 else g.choose("forward", "reverse")}
        last = g.hidden(name, [time_first[0], *weights, *bias], 2, **given)[1]
        return g.add("Transpose", [last], perm=[1, 0, 2])

    return add


for _name, _gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
    template(_name)(_recurrent(_name, _gates))


@template("Resize")
def _resize(g: Growing) -> object:
    x = g.pick(3, 4)
    scales = [1.0, 1.0, *[float(g.choose(1.0, 2.0, 1.5, 0.6)) for _ in x.sizes[1:]]]
    if g.opset < 11:
        up = g.constant([max(1.0, s) for s in scales], np.float32)
        return (
            g.add("Resize" if g.opset == 10 else "Upsample", [x, up])
            if g.opset > 8
            else g.add("Upsample", [x], scales=[max(1.0, s) for s in scales])
        )
    where = g.choose("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel")
    given = {"mode": g.choose("nearest", "linear"), "coordinate_transformation_mode": where}
    return g.add(
        "Resize", [x, g.constant(np.zeros(0)) if g.opset < 13 else "", g.constant(scales, np.float32)], **given
    )


@template("QuantizeLinear")
def _quantise(g: Growing) -> object:
    scale, zero = g.constant(0.05), g.constant(g.choose(0, 3), np.int8)
    return g.add("DequantizeLinear", [g.add("QuantizeLinear", [g.pick(), scale, zero])[0], scale, zero])


@template("Attention")
def _attention(g: Growing) -> object:
    x = g.pick(3, 3)
    return g.add("Attention", [x, g.like(x), g.like(x)], q_num_heads=1, kv_num_heads=1, is_causal=g.choose(0, 1))
