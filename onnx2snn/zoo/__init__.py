"""Models by name, as ONNX: `timm/NAME`, `torchvision/NAME`, `transformers/NAME` and `reference/NAME`.

>>> model = zoo.load("timm/convnext_atto")
>>> snn = onnx2snn.convert(model.proto, calibration=images)

A source of models NAME is one file here, `from_NAME.py`, that registers a `Source`; it imports its package only when a
model is asked for, and nobody imports the file before.
"""

import pkgutil
from pathlib import Path
from typing import Any

from onnx2snn.zoo.base import SOURCES, Built, Request, ZooModel
from onnx2snn_runtime.errors import InputError

__all__ = ["ZooModel", "build", "is_name", "load", "names"]


def is_name(text: str | Path) -> bool:
    """Return whether `text` names a model of the zoo, and no file or folder that is there."""
    source, slash, name = _split(text)
    return bool(slash and name and source in sources() and not Path(text).exists())


def sources() -> list[str]:
    """Return the names of the sources, by the names of their files: these bring torch."""
    prefix = "from_"
    files = (module.name for module in pkgutil.iter_modules(__path__))
    return [name.removeprefix(prefix) for name in files if name.startswith(prefix)]


def names(source: str) -> list[str]:
    """Return the names of the models of `source`, such as "timm/resnet34"; an absent package raises InputError."""
    return [f"{source}/{name}" for name in SOURCES[source]().names()]


def load(
    name: str | Path, *, pretrained: bool = True, size: tuple[int, int] | int | None = None, **options: Any
) -> ZooModel:
    """Return the model `name` as ONNX with a free batch axis, its weights `pretrained` or random.

    `size` is the height and width of its images where it is not to be the model's own; `options` go to the source's
    own builder (`num_classes=10`). An unknown name, an absent package and weights that cannot be had raise InputError
    or RegistryError.
    """
    built = build(name, pretrained=pretrained, size=size, **options)
    full = "/".join(part for part in _split(name) if part != "/")
    proto = built.proto
    if proto is None:
        from onnx2snn.zoo.export import export_module

        proto = export_module(built, full)
    return ZooModel(full, proto, built.size, built.mean, built.std, built.resize)


def build(
    name: str | Path, *, pretrained: bool = True, size: tuple[int, int] | int | None = None, **options: Any
) -> Built:
    """Return the model `name` as its torch module, for training; see `load`."""
    source, slash, model = _split(name)
    if not slash or not model:
        raise InputError(f"{str(name)!r} is no name of a model: write SOURCE/NAME, with one of {', '.join(sources())}")
    height_width = (size, size) if isinstance(size, int) else size
    return SOURCES[source]().build(model, Request(f"{source}/{model}", pretrained, height_width, options))


def _split(name: str | Path) -> tuple[str, str, str]:
    return (name.as_posix() if isinstance(name, Path) else name).partition("/")
