"""The classifiers and segmenters of torchvision."""

from typing import Any

import torch

from onnx2snn.zoo.base import SOURCES, Built, Request, bad_option, check_name, need, no_weights
from onnx2snn.zoo.export import OneOutput, seeded, wake

AUXILIARY = ("googlenet", "inception_v3")
"""Models with further classifiers for training."""


@SOURCES.register("torchvision")
class Torchvision:
    """`torchvision/NAME`, with the default weights of that name."""

    def names(self) -> list[str]:
        """Return the names of the models that take one image each; detectors and video are left out."""
        models = need("torchvision.models", "a model of torchvision")
        return sorted(models.list_models(module=models) + _segmenters(models))

    def build(self, name: str, request: Request) -> Built:
        """Return the model `name` with an example of two images."""
        models = need("torchvision.models", repr(request.name))
        check_name(name, self.names(), "torchvision")
        config = models.get_model_weights(name).DEFAULT.transforms()
        resized = config.resize_size[0]
        cut = (getattr(config, "crop_size", None) or config.resize_size)[0]
        height, width = request.size or (cut, cut)
        module = _create(models, name, request)
        inputs = {"image": torch.zeros(2, 3, height, width)}
        if not request.pretrained:
            wake(module, inputs)
        return Built(
            OneOutput(module, [_argument(name)], _main) if name in _segmenters(models) else module,
            inputs,
            size=(3, height, width),
            mean=tuple(config.mean),
            std=tuple(config.std),
            resize=round(min(height, width) * resized / cut),
        )


def _segmenters(models: Any) -> list[str]:
    found: list[str] = models.list_models(module=models.segmentation)
    return found


def _create(models: Any, name: str, request: Request) -> Any:
    options = {"weights": "DEFAULT" if request.pretrained else None, **request.options}
    if request.size is not None and name.startswith("vit_"):
        options["image_size"] = request.size[0]  # these are built for one size; others take any
    if not request.pretrained and name in AUXILIARY:
        options = {"init_weights": False, "aux_logits": False, **options}
    if not request.pretrained and name in _segmenters(models):
        options["weights_backbone"] = None
    try:
        with seeded():
            return models.get_model(name, **options)
    except (TypeError, ValueError) as error:
        raise bad_option(request, error) from error
    except (OSError, RuntimeError) as error:
        raise (no_weights if request.pretrained else bad_option)(request, error) from error


def _argument(name: str) -> str:
    return "input" if name.startswith("lraspp") else "x"


def _main(result: dict[str, torch.Tensor]) -> torch.Tensor:
    return result["out"]
