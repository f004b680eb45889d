"""The interface of model sources, and the models they return."""

import difflib
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import onnx

from onnx2snn.data.images import Preprocessing
from onnx2snn_runtime.errors import InputError, RegistryError
from onnx2snn_runtime.registry import Registry

INSTALL = "pip install 'onnx2snn[zoo]'"


@dataclass(frozen=True)
class ZooModel:
    """A model as ONNX, and the images it expects: (channels, height, width), and `(pixel / 255 - mean) / std`.

    `resize` is the length of an image's shorter side before its centre is cut out. A model of text has no `size`.
    """

    name: str
    proto: onnx.ModelProto
    size: tuple[int, int, int] | None = None
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    resize: int | None = None

    @property
    def preprocessing(self) -> Preprocessing:
        """Return what becomes of an image file; a model of text raises InputError."""
        if self.size is None:
            raise InputError(f"{self.name!r} takes no images: give its inputs as an .npz")
        depth, height, width = self.size
        channels = "gray" if depth == 1 else "rgb"
        return Preprocessing((height, width), self.resize, self.mean, self.std, channels=channels)


@dataclass(frozen=True)
class Request:
    """What is wanted of a model: its full name, the weights, the size of its images, and options of its builder."""

    name: str
    pretrained: bool = True
    size: tuple[int, int] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Built:
    """A torch module with example inputs by name (samples along the first axis), or a finished ONNX model."""

    module: Any = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    proto: onnx.ModelProto | None = None
    output: str = "logits"
    size: tuple[int, int, int] | None = None
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    resize: int | None = None


class Source(Protocol):
    """Where models come from."""

    def names(self) -> list[str]:
        """Return the names of its models."""
        ...

    def build(self, name: str, request: Request) -> Built:
        """Return the model `name`."""
        ...


SOURCES: Registry[type[Source]] = Registry("source of models", "onnx2snn.zoo")


def need(package: str, what: str) -> Any:
    """Import and return `package`; where it is absent, `what` needs it and InputError says how to get it."""
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package.partition(".")[0]:
            raise
        raise InputError(f"{what} needs the package {package.partition('.')[0]}, which is absent: {INSTALL}") from error


def check_name(name: str, known: Sequence[str], source: str) -> None:
    """Raise RegistryError with the nearest known name where `name` is unknown."""
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {source + '/' + near[0]!r}?" if near else f"it has {len(known)}, such as {known[0]!r}"
    raise RegistryError(f"{source} has no model {name!r}: {hint}")


def no_weights(request: Request, error: Exception) -> InputError:
    """Return the error for pretrained weights that cannot be had."""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    return InputError(
        f"the pretrained weights of {request.name!r} cannot be had ({reason}): connect to the network once, "
        "or take random weights (--no-pretrained, pretrained=False)"
    )


def bad_option(request: Request, error: Exception) -> InputError:
    """Return the error for options that the builder of a model does not take."""
    return InputError(f"{request.name!r} cannot be built with {dict(request.options)}: {error}")
