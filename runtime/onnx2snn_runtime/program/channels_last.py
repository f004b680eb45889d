"""Which weights lie in the channels-last layout, which the values that convolutions compute follow.

Of a value (N, C, H, W) the C numbers of one place are neighbours in memory then. Convolutions over planes read that
faster on CPUs, depthwise ones and those of 1 x 1 above all, and in half precision on CUDA. Those over a line, be it
written as a plane, are not: they read C numbers where they could read a row.
"""

from collections.abc import Iterator

import onnx
import torch

from onnx2snn_runtime.program.interpreter import WIDE, Tensor

CONVOLUTIONS = ("Conv", "ConvTranspose")
"""The operators, and the place of their weight: the second input."""


def plane_weights(model: onnx.ModelProto) -> tuple[str, ...]:
    """Return the weights of convolutions over planes, by name; none where all kernels are lines or points."""
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    names = tuple(dict.fromkeys(name for name in _weights(model) if len(shapes.get(name, ())) == 4))
    return names if any(min(shapes[name][2:]) > 1 for name in names) else ()


def _weights(model: onnx.ModelProto) -> Iterator[str]:
    for node in model.graph.node:
        if node.op_type in CONVOLUTIONS and node.domain in ("", "ai.onnx"):
            yield node.input[1]


def pays(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether convolutions over planes are mostly faster in channels last, on `device` in `dtype`."""
    return dtype in WIDE or (device.type == "cpu" and dtype == torch.float32)


def laid_out(weight: Tensor, channels_last: bool) -> Tensor:
    """Return the four-dimensional `weight` in one layout or the other.

    Its strides say so even where there is one channel or one place, and both layouts are the same in memory.
    """
    layout = torch.channels_last if channels_last else torch.contiguous_format
    turned = torch.empty(weight.shape, dtype=weight.dtype, device=weight.device, memory_format=layout)
    return weight if turned.stride() == weight.stride() else turned.copy_(weight)
