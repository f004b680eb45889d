"""Models of Hugging Face's transformers: by their id with its weights, or by the name of a configuration."""

from typing import Any

import torch

from onnx2snn.zoo.base import SOURCES, Built, Request, bad_option, check_name, need, no_weights
from onnx2snn.zoo.export import OneOutput, seeded, wake

HEADS = (
    "AutoModelForImageClassification",
    "AutoModelForSequenceClassification",
    "AutoModelForCausalLM",
    "AutoModel",
)
TOKENS = 32
"""Length of a text, unless `size` or the model says otherwise."""


@SOURCES.register("transformers")
class Transformers:
    """`transformers/MODEL-ID` or `transformers/TYPE` (`vit`, `bert`, ...), which has random weights alone."""

    def names(self) -> list[str]:
        """Return the types of models that can be built without a model id."""
        return sorted(need("transformers", "a model of transformers").CONFIG_MAPPING.keys())

    def build(self, name: str, request: Request) -> Built:
        """Return the model `name` with an example of two images or texts."""
        transformers = need("transformers", repr(request.name))
        config = _config(transformers, name, request, self.names())
        for key, value in request.options.items():
            setattr(config, key, value)
        if request.size is not None and hasattr(config, "image_size"):
            config.image_size = request.size[0]
        model = _create(transformers, name, config, request)
        image = model.main_input_name == "pixel_values"
        inputs = _images(config, request) if image else _texts(config, request)
        if not request.pretrained:
            wake(OneOutput(model, list(inputs), pick), inputs)
        depth, height, width = inputs["pixel_values"].shape[1:] if image else (0, 0, 0)
        size = (depth, height, width) if image else None
        mean, std = _normalisation(transformers, name, request) if image else ((0.0,), (1.0,))
        return Built(OneOutput(model, list(inputs), pick), inputs, size=size, mean=mean, std=std)


def pick(result: Any) -> torch.Tensor:
    """Return the logits of a classifier, the last hidden state of a model without a head."""
    found: torch.Tensor = result["logits" if "logits" in result else "last_hidden_state"]
    return found


def _config(transformers: Any, name: str, request: Request, types: list[str]) -> Any:
    if name in types:
        if request.pretrained:
            raise no_weights(request, ValueError("a type of models has none: name a model id, such as google/vit-base"))
        return transformers.CONFIG_MAPPING[name]()
    try:
        return transformers.AutoConfig.from_pretrained(name)
    except (OSError, ValueError) as error:
        if "/" not in name and not request.pretrained:
            check_name(name, types, "transformers")
        raise no_weights(request, error) from error


def _create(transformers: Any, name: str, config: Any, request: Request) -> Any:
    config.return_dict, config.use_cache = True, False
    head = _head(transformers, config)
    try:
        with seeded():
            if request.pretrained:
                return getattr(transformers, head).from_pretrained(name, config=config)
            return getattr(transformers, head).from_config(config)
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        raise (no_weights if request.pretrained else bad_option)(request, error) from error


def _head(transformers: Any, config: Any) -> str:
    """Return the first class that has a model for `config`; without padding no texts can be classified in a batch."""
    unpadded = getattr(config, "pad_token_id", None) is None and hasattr(config, "vocab_size")
    fitting = [head for head in HEADS if type(config) in getattr(transformers, head)._model_mapping]
    return next((head for head in fitting if not (unpadded and "Sequence" in head)), HEADS[-1])


def _images(config: Any, request: Request) -> dict[str, torch.Tensor]:
    own = getattr(config, "image_size", 224)
    height, width = request.size or (tuple(own) if isinstance(own, list | tuple) else (own, own))
    return {"pixel_values": torch.zeros(2, getattr(config, "num_channels", 3), height, width)}


def _texts(config: Any, request: Request) -> dict[str, torch.Tensor]:
    length = request.size[0] if request.size else TOKENS
    ids = torch.arange(2 * length).reshape(2, length) % int(getattr(config, "vocab_size", 2))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def _normalisation(transformers: Any, name: str, request: Request) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and deviation that the model's own image processor takes; halves where there is none."""
    if request.pretrained:
        try:
            found = transformers.AutoImageProcessor.from_pretrained(name)
            return tuple(found.image_mean), tuple(found.image_std)
        except (OSError, ValueError) as error:
            raise no_weights(request, error) from error
    return (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
