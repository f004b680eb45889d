"""Every model of timm (PyTorch Image Models)."""

from typing import Any

import torch

from onnx2snn.zoo.base import SOURCES, Built, Request, bad_option, check_name, need, no_weights
from onnx2snn.zoo.export import seeded, wake


@SOURCES.register("timm")
class Timm:
    """`timm/NAME`, a tag of weights included: `timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k`."""

    def names(self) -> list[str]:
        """Return the names of timm's models."""
        found: list[str] = need("timm", "a model of timm").list_models()
        return found

    def build(self, name: str, request: Request) -> Built:
        """Return the model `name` with an example of two images."""
        timm = need("timm", repr(request.name))
        check_name(name.partition(".")[0], self.names(), "timm")
        options = dict(request.options)
        config = timm.get_pretrained_cfg(name, allow_unregistered=True)
        if request.size is not None and getattr(config, "fixed_input_size", False):
            options["img_size"] = request.size  # these are built for one size; others take any
        module = _create(timm, name, request, options)
        data = timm.data.resolve_data_config({}, model=module)
        depth, *own = data["input_size"]
        height, width = request.size or own
        inputs = {"image": torch.zeros(2, depth, height, width)}
        if not request.pretrained:
            wake(module, inputs)
        return Built(
            module,
            inputs,
            size=(depth, height, width),
            mean=tuple(data["mean"]),
            std=tuple(data["std"]),
            resize=int(min(height, width) / data["crop_pct"]),
        )


def _create(timm: Any, name: str, request: Request, options: dict[str, Any]) -> Any:
    try:
        with seeded():
            return timm.create_model(name, pretrained=request.pretrained, **options)
    except (TypeError, AssertionError) as error:
        raise bad_option(request, error) from error
    except (OSError, RuntimeError, ValueError) as error:
        raise (no_weights if request.pretrained else bad_option)(request, error) from error
