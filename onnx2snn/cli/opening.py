"""Opens the network and the samples that `evaluate`, `report` and `diagnose` are given, as their options say."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onnx2snn.cli import options
from onnx2snn.cli.files import take_image_options
from onnx2snn.data.for_model import open_data

if TYPE_CHECKING:
    from onnx2snn.data.streams.base import Stream
    from onnx2snn_runtime.model import SpikingModel

running = options.chain(options.overrides, options.images, options.placing, options.common)
"""The options behind those of the command itself."""


def opened(
    model: Path, data: Path, given: Mapping[str, Any], images: dict[str, Any]
) -> tuple["SpikingModel", "Stream"]:
    """Return the network in `model` and the samples in `data`, as the options `given` ask for; seed torch."""
    import torch

    from onnx2snn_runtime.loading import load

    torch.manual_seed(given["seed"])
    snn = load(model, device=given["device"], dtype=given["dtype"])
    snn.set_batch_axes(given["batch_axis"])
    drawing = {name: given[name] for name in ("labels", "sampling", "seed")}
    return snn, open_data(data, snn.proto, given["samples"], images, **drawing)


def taken(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Remove from `given` how images are read, and what a run overrides; return both."""
    return take_image_options(given), options.take_overrides(given)
