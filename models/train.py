"""Trains a network and exports it: `python -m models.train mnist_cnn`, or a configuration: `... cifar10_resnet20`.

KEY=VALUE changes a setting: `python -m models.train imagenet data.path=FOLDER model.name=timm/resnet34`.
"""

from pathlib import Path
from typing import Any

import click
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from models import networks
from models.batches import from_disk, from_memory
from models.config import Config, of_recipe, read_config
from models.data import load
from models.datasets import open_images, own_preprocessing
from models.export import accuracy, export
from models.trainer import Trainer
from onnx2snn import zoo
from onnx2snn.cli.console import progress
from onnx2snn.data.images import Preprocessing
from onnx2snn_runtime.errors import Onnx2SnnError


def train(name: str, out: Path, seed: int = 0, threads: int = 2) -> float:
    """Train the reference network called `name`, write it to `out` and return the accuracy of the written file.

    The same seed, number of threads and machine give the same file.
    """
    config = of_recipe(name, networks[name]())
    config.training.seed, config.training.threads = seed, threads
    return run(config, out)


def run(config: Config, out: Path, checkpoint: Path | None = None) -> float:
    """Train what `config` says, write it to `out` and return the accuracy of the written file on the test images."""
    generator = _settle(config)
    network, preprocessing = build(config)
    small = config.data.name in ("digits", "mnist")
    print(f"{config.model.name}: {sum(p.numel() for p in network.parameters()):,} parameters")
    with progress() as bar:
        arrays = load(config.data.name) if small else None
        images = open_images(config.data, "train", preprocessing) if arrays is None else None
        count = len(arrays.train_image) if arrays else len(images)  # type: ignore[arg-type]
        trainer = Trainer(
            network, config.optimizer, config.training, max(1, count // config.training.batch_size),
            generator=generator, checkpoint=checkpoint, progress=bar,
        )  # fmt: skip
        if arrays:
            trainer.fit(lambda: from_memory(arrays, config, generator))
        else:
            trainer.fit(lambda: from_disk(images, config, generator))
    out.parent.mkdir(parents=True, exist_ok=True)
    network.cpu()
    if arrays:
        export(network, [torch.from_numpy(arrays.test_image[:2])], out)
        return accuracy(out, arrays.test_image, arrays.test_label)
    test = open_images(config.data, "test", preprocessing)
    export(network, [torch.stack([torch.from_numpy(test[i][0]) for i in range(2)])], out)
    return _accuracy(out, test, config)


def build(config: Config) -> tuple[nn.Module, Preprocessing]:
    """Return the network to train, and what its images go through."""
    if config.model.name in networks:
        return networks[config.model.name]().build(), own_preprocessing(config.data)
    model = config.model
    built = zoo.build(model.name, pretrained=model.pretrained, size=config.data.size, **model.options)
    height, width = (built.size or (3, 224, 224))[1:]
    return built.module, Preprocessing((height, width), built.resize, built.mean, built.std)


def _settle(config: Config) -> torch.Generator:
    """Make the training repeatable; return the generator of the order and the changes of the images."""
    torch.manual_seed(config.training.seed)
    torch.set_num_threads(config.training.threads)
    torch.use_deterministic_algorithms(config.training.device == "cpu")
    return torch.Generator().manual_seed(config.training.seed)


def _accuracy(file: Path, test: Dataset[Any], config: Config) -> float:
    loader = DataLoader(test, 64, num_workers=config.data.workers)
    parts = [(accuracy(file, image.numpy(), label.numpy()), len(label)) for image, label in loader]
    return sum(share * count for share, count in parts) / sum(count for _, count in parts)


@click.command()
@click.argument("name")
@click.argument("settings", nargs=-1)
@click.option("--out", type=click.Path(path_type=Path), help="The ONNX file; models/trained/NAME.onnx if left out.")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Kept after every epoch; go on from it if there.")
@click.option("--seed", type=int, help="Seed of everything random; training.seed.")
@click.option("--threads", type=int, help="Threads on the CPU; training.threads.")
def main(
    name: str,
    settings: tuple[str, ...],
    out: Path | None,
    checkpoint: Path | None,
    seed: int | None,
    threads: int | None,
) -> None:
    """Train NAME, a reference network or a configuration file, print its accuracy and export it to ONNX.

    SETTINGS change the configuration: training.epochs=5 data.path=FOLDER.
    """
    changes = [f"training.{key}={value}" for key, value in (("seed", seed), ("threads", threads)) if value is not None]
    try:
        config = configured(name, [*settings, *changes])
        stem = Path(name).stem
        reached = run(config, out or Path(__file__).parent / "trained" / f"{stem}.onnx", checkpoint)
    except Onnx2SnnError as error:
        raise click.ClickException(str(error)) from error
    print(f"{name}: accuracy on the test images {100 * reached:.2f} %")
    if reached < config.training.target:
        target = 100 * config.training.target
        raise click.ClickException(f"that is below the recipe's target, {target:.1f} %: train it for longer")


def configured(name: str, settings: list[str]) -> Config:
    """Return the configuration of a YAML file, of one in models/configs, or of a reference network's recipe."""
    folder = Path(__file__).parent / "configs"
    if Path(name).suffix in (".yaml", ".yml") or ((folder / f"{name}.yaml").is_file() and name not in networks):
        return read_config(Path(name), settings)
    return read_config(None, settings, of_recipe(name, networks[name]()))


if __name__ == "__main__":
    main()
