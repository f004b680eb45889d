"""Loads an IR file as a SpikingModel, and places a model on a device in a dtype."""

from pathlib import Path

import torch

from onnx2snn_runtime.errors import InputError, Stage, first_line
from onnx2snn_runtime.ir.verify import read_model
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.program.program import TYPES


def load(
    path: str | Path,
    *,
    device: str = "cpu",
    dtype: str | torch.dtype | None = None,
    allow_tf32: bool | None = None,
    channels_last: bool | None = None,
    compile_regions: bool = False,
) -> SpikingModel:
    """Return the spiking network in the IR file `path`, which `convert` or `SpikingModel.save` wrote.

    `device` is "cpu", "cuda" or "cuda:N". `dtype` is the dtype of synapses, as a name or a torch.dtype: float32,
    float64, float16 or bfloat16, by default the file's own; estimates are at least float32. For the other options see
    `place`. Raises InputError for a path, device or dtype that cannot be used, ModelError for a file that is not a
    spiking IR or is of a newer version.
    """
    with Stage(f"loading {str(path)!r}"):
        model = SpikingModel(read_model(path), repr(str(path)))
    return place(
        model, device, dtype, allow_tf32=allow_tf32, channels_last=channels_last, compile_regions=compile_regions
    )


def place(
    model: SpikingModel,
    device: str,
    dtype: str | torch.dtype | None = None,
    *,
    allow_tf32: bool | None = None,
    channels_last: bool | None = None,
    compile_regions: bool = False,
) -> SpikingModel:
    """Move `model` to `device` and `dtype`; an unavailable device or unsupported dtype raises InputError.

    `allow_tf32` allows or forbids TF32 tensor cores for float32 products: torch's settings, of the whole process.
    `channels_last` stores weights of convolutions over planes in the channels-last layout, or not; by default (None)
    where that is mostly faster: in float32 on the CPU, and in half precision.
    `compile_regions` compiles the functions of populations with torch.compile in the executor `layer`.
    """
    names = {name: kind for kind, name in TYPES.items()}
    if dtype is not None and dtype not in names and dtype not in TYPES:
        raise InputError(f"there is no dtype {str(dtype)!r} for synapses: choose {', '.join(names)}")
    check_device(device)
    if allow_tf32 is not None:
        torch.backends.cuda.matmul.allow_tf32 = allow_tf32
        torch.backends.cudnn.allow_tf32 = allow_tf32
    model = model.to(device=torch.device(device), dtype=names.get(dtype) if isinstance(dtype, str) else dtype).eval()
    model.program.compile_regions = compile_regions
    if channels_last != model.program.channels_last:
        model.program.use_channels_last(channels_last)
    return model


def check_device(device: str) -> None:
    """Raise InputError if torch cannot use `device` on this machine."""
    try:
        torch.empty(1, device=torch.device(device))
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:
        first = first_line(error)
        why = "there is no such kind of device" if first.startswith("Expected one of") else first
        raise InputError(f"the device {device!r} cannot be used ({why}): choose cpu, cuda or cuda:N") from error
