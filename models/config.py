"""Configurations of trainings and evaluations: YAML files over these defaults, and KEY=VALUE over both."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from models.recipe import Recipe
from onnx2snn_runtime.errors import InputError

FOLDER = Path(__file__).parent / "configs"


@dataclass
class DataConfig:
    """`name`: digits, mnist, `folder` (of train/ and val/ with a folder a class) or a Hugging Face data set.

    `path` is the folder, or where `save_to_disk` wrote the data set. Images are cut to `size` and normalised.
    """

    name: str = "mnist"
    path: str | None = None
    size: int | None = None
    mean: list[float] = field(default_factory=lambda: [0.0])
    std: list[float] = field(default_factory=lambda: [1.0])
    workers: int = 0


@dataclass
class ModelConfig:
    """`name`: a reference network, or one of the zoo (`timm/resnet18`) with `options` of its builder."""

    name: str = "mnist_mlp"
    pretrained: bool = False
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class OptimizerConfig:
    """`name`: adamw or sgd (with Nesterov momentum 0.9); one cycle of the learning rate up to `learning_rate`."""

    name: str = "adamw"
    learning_rate: float = 3e-3
    weight_decay: float = 0.02


@dataclass
class TrainingConfig:
    """How long, on what, and what changes the images; `precision` float32, bfloat16 or float16 (CUDA alone)."""

    epochs: int = 20
    batch_size: int = 64
    augmentation: float = 1.0
    flip: bool = False
    precision: str = "float32"
    device: str = "cpu"
    threads: int = 2
    seed: int = 0
    target: float = 0.0


@dataclass
class DynamicsConfig:
    """What the spiking network is run with: arguments of `onnx2snn.convert`, and the time steps to look at."""

    timesteps: list[int] = field(default_factory=lambda: [1, 2, 4, 8])
    convert: dict[str, Any] = field(default_factory=dict)
    calibration_samples: int = 128
    batch_size: int = 32
    samples: int | None = None


@dataclass
class Config:
    """Everything of one experiment."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    dynamics: DynamicsConfig = field(default_factory=DynamicsConfig)


def read_config(file: Path | None, overrides: list[str], base: Config | None = None) -> Config:
    """Return `base` under the YAML `file` under `overrides` (`training.epochs=5`); what does not fit raises InputError.

    A file that is not there is looked for in models/configs, with or without its ending.
    """
    try:
        parts = [OmegaConf.structured(base or Config())]
        parts += [] if file is None else [OmegaConf.load(_found(file))]
        made = OmegaConf.to_object(OmegaConf.merge(*parts, OmegaConf.from_dotlist(overrides)))
    except (OmegaConfBaseException, YAMLError, TypeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"the configuration {str(file or overrides)!r} does not fit: {reason}") from error
    if not isinstance(made, Config):
        raise InputError(f"the configuration {str(file)!r} is no mapping of data, model, optimizer, ...: write one")
    return made


def of_recipe(name: str, recipe: Recipe) -> Config:
    """Return the configuration that a reference network's recipe is."""
    config = Config(data=DataConfig(recipe.dataset), model=ModelConfig(name))
    config.optimizer = OptimizerConfig("adamw", recipe.learning_rate, recipe.weight_decay)
    config.training = TrainingConfig(recipe.epochs, recipe.batch_size, recipe.augmentation, target=recipe.target)
    config.training.flip = recipe.dataset.startswith("cifar")
    return config


def _found(file: Path) -> Path:
    for path in (file, FOLDER / file.name, FOLDER / f"{file.name}.yaml"):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in FOLDER.glob("*.yaml")))
    raise InputError(f"there is no configuration {str(file)!r}: models/configs has {known}")
