"""Trains a reference network and exports it: `python -m models.train mnist_cnn --out mnist_cnn.onnx`."""

from pathlib import Path

import click
import torch
from torch import nn
from torch.nn import functional

from models import networks
from models.augment import augment
from models.data import Dataset, load
from models.export import accuracy, export
from models.recipe import Recipe
from onnx2snn_runtime.errors import Onnx2SnnError


def fit(network: nn.Module, recipe: Recipe, data: Dataset, generator: torch.Generator) -> None:
    """Train the network in place: AdamW, one cycle of the learning rate, cross entropy."""
    image, label = torch.from_numpy(data.train_image), torch.from_numpy(data.train_label)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=recipe.weight_decay)
    steps = recipe.epochs * (len(image) // recipe.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, total_steps=steps)
    network.train()
    for epoch in range(recipe.epochs):
        total = 0.0
        # The last, short batch is left out: its statistics would disturb batch normalization.
        batches = torch.randperm(len(image), generator=generator).split(recipe.batch_size)[: steps // recipe.epochs]
        for batch in batches:
            changed = augment(image[batch], recipe.augmentation, generator)
            loss = functional.cross_entropy(network(changed), label[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}/{recipe.epochs}  loss {total / len(batches):.4f}", flush=True)


def train(name: str, out: Path, seed: int = 0, threads: int = 2) -> float:
    """Train the network called `name`, write it to `out` and return the accuracy of the written file.

    The same seed, number of threads and machine give the same file.
    """
    recipe = networks[name]()
    data = load(recipe.dataset)
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    network = recipe.build()
    print(f"{name}: {sum(p.numel() for p in network.parameters()):,} parameters")
    fit(network, recipe, data, torch.Generator().manual_seed(seed))
    out.parent.mkdir(parents=True, exist_ok=True)
    export(network, [torch.from_numpy(data.test_image[:2])], out)
    return accuracy(out, data.test_image, data.test_label)


@click.command()
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), help="The ONNX file; models/trained/NAME.onnx if left out.")
@click.option("--seed", default=0, show_default=True)
@click.option("--threads", default=2, show_default=True)
def main(name: str, out: Path | None, seed: int, threads: int) -> None:
    """Train the network called NAME, print its accuracy on the test images and export it to ONNX."""
    try:
        target = networks[name]().target
        reached = train(name, out or Path(__file__).parent / "trained" / f"{name}.onnx", seed, threads)
    except Onnx2SnnError as error:
        raise click.ClickException(str(error)) from error
    print(f"{name}: accuracy on the test images {100 * reached:.2f} %")
    if reached < target:
        raise click.ClickException(f"that is below the recipe's target, {100 * target:.1f} %: train it for longer")


if __name__ == "__main__":
    main()
