"""How close a spiking network comes to the network it is made from, over time steps, on a data set of any size.

`python -m models.evaluate imagenet data.path=FOLDER model.name=timm/resnet34` converts the pretrained model, calibrated
on training images, and goes through the validation images batch by batch.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
from torch.utils.data import DataLoader, Dataset, Subset

import onnx2snn
from models.config import Config
from models.datasets import Sample, open_images
from models.train import configured
from onnx2snn import zoo
from onnx2snn.cli import console
from onnx2snn.cli.evaluate import COLUMNS, row
from onnx2snn.evaluation.comparison import Comparison, Tally
from onnx2snn.reference.ann import Ann
from onnx2snn_runtime.errors import Onnx2SnnError
from onnx2snn_runtime.model import SpikingModel

Progress = Callable[[str, float], None]


def evaluate(config: Config, device: str = "cpu", progress: Progress | None = None) -> dict[str, Any]:
    """Return the figures, as `onnx2snn evaluate --json` prints them, of the model and data of `config`."""
    tell = progress or (lambda stage, share: None)
    name = config.model.name if "/" in config.model.name else f"reference/{config.model.name}"
    model = zoo.load(name, pretrained=config.model.pretrained, size=config.data.size, **config.model.options)
    data = config.data
    calibration = _some(open_images(data, "train", model.preprocessing), config.dynamics.calibration_samples)
    test = open_images(data, "test", model.preprocessing)
    test = test if config.dynamics.samples is None else _some(test, config.dynamics.samples)
    images = np.stack([calibration[i][0] for i in range(len(calibration))])
    steps = sorted(config.dynamics.timesteps)
    options = {"timesteps": steps[-1], **config.dynamics.convert}
    snn = onnx2snn.convert(model.proto, images, device=device, progress=tell, **options)
    return {"model": name, **_figures(snn, test, steps, config, tell)}


def _some(data: Dataset[Sample], count: int) -> Any:
    """Return `count` samples spread evenly over `data`, or all of them."""
    total = len(data)  # type: ignore[arg-type]
    return Subset(data, np.linspace(0, total - 1, min(count, total)).round().astype(int).tolist())


def _figures(
    snn: SpikingModel, test: Dataset[Sample], steps: list[int], config: Config, tell: Progress
) -> dict[str, Any]:
    size, done = config.dynamics.batch_size, 0
    total = len(test)  # type: ignore[arg-type]
    (source,), output = snn.program.inputs, snn.program.outputs[0].name
    ann = Ann(snn.proto, [output], device=str(snn.program.device))
    comparison = Comparison(1, True, {t: Tally() for t in steps})
    for image, label in DataLoader(test, size, num_workers=config.data.workers):
        batch = image.numpy()
        run = snn.run({source.name: batch}, steps, operations=True)
        comparison.add(ann({source.name: batch})[output], run.outputs, label.numpy())
        comparison.add_events(run)
        done += len(batch)
        tell("evaluating", done / total)
    return {"samples": done, **comparison.figures(done)}


@click.command()
@click.argument("name")
@click.argument("settings", nargs=-1)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@click.option("--out", type=click.Path(path_type=Path), help="A JSON file for the figures.")
def main(name: str, settings: tuple[str, ...], device: str, out: Path | None) -> None:
    """Evaluate NAME, a configuration or a trained reference network, over time steps.

    SETTINGS change the configuration: data.path=FOLDER model.name=timm/resnet34 dynamics.timesteps=[2,4,8].
    """
    try:
        with console.progress() as progress:
            found = evaluate(configured(name, list(settings)), device, progress)
    except Onnx2SnnError as error:
        raise click.ClickException(str(error)) from error
    if out is not None:
        out.write_text(json.dumps(console.plain(found), indent=2) + "\n")
    plain = console.percent(found["ann"]["accuracy"])
    console.say(f"{found['model']}: {found['samples']} images, plain network {plain}")
    console.table(COLUMNS, [row(t, figures) for t, figures in found["timesteps"].items()], text=0)


if __name__ == "__main__":
    main()
