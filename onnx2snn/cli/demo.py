"""onnx2snn demo: a small trained network that ships with the package, converted, run and shown."""

from importlib import resources
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx

from onnx2snn.cli import console, evaluate, options
from onnx2snn.cli.files import check_output

TIMESTEPS = (1, 2, 3, 4, 6, 8)


@click.command(short_help="Convert and try a small network.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to write the spiking network, if at all.")
@options.device
@options.seed
@options.force
@options.common
def command(output: Path | None, device: str, seed: int, force: bool, as_json: bool) -> None:
    """Convert a small network that reads handwritten digits, and show its accuracy against time steps.

    Network, calibration images and test images ship with the package.
    """
    if output is not None:
        check_output(output, force)
    found, snn = _figures(device, seed)
    if output is not None:
        snn.save(output, force=force)
    if as_json:
        console.print_json(found | {"output": None if output is None else str(output)})
        return
    console.say("A small network that reads handwritten digits, made spiking without retraining:")
    console.say(
        f"{found['populations']} populations, {found['neurons']:,} neurons. "
        f"As it was, it reads {console.percent(found['ann']['accuracy'])} of {found['samples']} test images."
    )
    evaluate.show(found)
    if output is not None:
        console.say(f"written: {output}")


def _figures(device: str, seed: int) -> tuple[dict[str, Any], Any]:
    """Return the figures of the demo's network, and the spiking network."""
    from onnx2snn.conversion import convert
    from onnx2snn.data.readers import make_samples
    from onnx2snn.evaluation.evaluation import evaluate as evaluated

    files = resources.files("onnx2snn") / "demo_data"
    proto = onnx.load_model_from_string((files / "digits_cnn.onnx").read_bytes())
    with resources.as_file(files / "digits_calibration.npz") as path, np.load(path) as data:
        calibration = {"image": data["image"]}
    with resources.as_file(files / "digits_test.npz") as path, np.load(path) as data:
        samples = make_samples(dict(data), ["image"], "the demo's test images")
    with console.progress() as progress:
        snn = convert(proto, calibration=calibration, seed=seed, device=device, progress=progress)
        found = evaluated(snn, samples, TIMESTEPS, progress=progress)
    return found | {"model": "digits_cnn"}, snn
