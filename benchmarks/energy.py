"""Energy of six networks over that of their dense MACs, for every kind of spike, at a loss that is given.

python -m benchmarks.energy --out out --real FOLDER

For each network and payload the settings that lose at most 0.2 points of accuracy on training images that were not
calibrated on, or have a relative error of at most 1 % where there are no labels, are tried on the test samples, the
cheapest first: the 2,000 test images of MNIST, or 48 crops of photographs. Shown is the first that loses no more there.
FOLDER is where `models/real` made EfficientNet-lite0. What the folder of `--out` holds is not measured again.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

import onnx2snn
from benchmarks.trained import CALIBRATION, TRAINED, calibration
from models.data import load
from onnx2snn.data.readers import Samples
from onnx2snn.evaluation.evaluation import evaluate
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.model import SpikingModel

NETWORKS = ("mnist_mlp", "mnist_cnn", "mnist_relu_cnn", "mnist_mixer", "mnist_vit", "efficientnet_lite0")
PAYLOADS = ("graded", "power", "ternary", "binary", "unary")
LOSS, ERROR = 0.002, 0.01
SOUGHT_ON = 256
"""Samples that settings are sought on."""

MOST = 4
"""Settings that are tried on the test samples."""
RISING = ("ternary", "binary")
"""Of these payloads the settings stand in the order of their cost: the first that loses little enough is taken."""

Setting = Mapping[str, Any]


@dataclass(frozen=True)
class Subject:
    """A network with what it is calibrated on, what settings are chosen on, and what the figures are measured on."""

    name: str
    file: Path
    calibration: np.ndarray
    sought: Samples
    test: Samples
    longest: int = 64


def subject(name: str, real: Path | None) -> Subject | None:
    """Return the network `name`, None for one of `real` where that folder is not given."""
    if name.startswith("mnist"):
        data, end = load("mnist"), CALIBRATION + SOUGHT_ON
        image, label = data.train_image[CALIBRATION:end], data.train_label[CALIBRATION:end]
        sought = Samples({"image": image}, label, SOUGHT_ON)
        test = Samples({"image": data.test_image}, data.test_label, len(data.test_label))
        return Subject(name, TRAINED / f"{name}.onnx", calibration(), sought, test)
    if real is None:
        return None
    with np.load(real / "efficientnet_calibration.npz") as data:
        seen = data[data.files[0]]
    with np.load(real / "efficientnet_crops.npz") as data:
        key, crops = data.files[0], data[data.files[0]]
    halves = [Samples({key: crops[start:end]}, None, end - start) for start, end in ((0, 24), (24, 72))]
    return Subject(name, real / f"{name}.onnx", seen, *halves, longest=32)


def settings(payload: str) -> Iterator[tuple[Setting, Sequence[int]]]:
    """Yield the settings of a conversion that are tried, each with the time steps that it is looked at."""
    if payload == "graded":
        for bits, steps in ((6, (2, 3, 4)), (7, (2, 3, 4)), (8, (1, 2, 3)), (10, (1, 2))):
            yield {"bits": bits, "adapt": False}, steps
        for bits in (8, 9, 10):  # numbers that would meet weights are sent as spikes
            yield {"bits": bits, "adapt": False, "relays": True}, (1, 2)
        yield {"timesteps": 1}, (1,)
        yield {"timesteps": 2}, (2,)
    elif payload == "power":
        yield {"adapt": False}, (2, 3, 4, 6)
    elif payload == "ternary":
        for t in (8, 12, 16, 24, 32):
            yield {"timesteps": t}, (t,)
    elif payload == "binary":
        for t in (16, 32, 64):
            yield {"timesteps": t}, (t,)
    else:
        for extent in ("percentile", "maximum"):
            yield {"range": extent}, (8, 16, 32, 64)


def loss_of(found: Mapping[str, Any], t: int) -> tuple[float, bool]:
    """Return the loss at `t` steps and whether it is small enough: accuracy where there are labels, else the error."""
    row, plain = found["timesteps"][str(t)], found["ann"]["accuracy"]
    if plain is not None:
        return plain - row["accuracy"], plain - row["accuracy"] <= LOSS + 1e-9
    return row["relative_error"], row["relative_error"] <= ERROR


def best(network: Subject, payload: str) -> dict[str, Any]:
    """Return the figures on the test samples of the cheapest setting that loses little enough, if there is one."""
    try:
        for snn, setting, t in _candidates(network, payload):
            figures = _measured(network, payload, snn, setting, t)
            if figures["reached"]:
                return figures
    except UnsupportedError as error:
        return {"network": network.name, "payload": payload, "refused": str(error)}
    return {"network": network.name, "payload": payload, "reached": False}


def _candidates(network: Subject, payload: str) -> Iterator[tuple[SpikingModel, Setting, int]]:
    """Yield what loses little enough on the samples that are sought on, the cheapest first: network, setting, steps."""
    tried: list[tuple[float, int, Setting, SpikingModel]] = []
    for setting, steps in settings(payload):
        steps = [t for t in steps if t <= network.longest]
        if not steps:
            continue
        snn = onnx2snn.convert(network.file, network.calibration, payload=payload, **setting)
        found = evaluate(snn, network.sought, steps, batch_size=32)
        costs = found["energy"]["fp32"]
        tried += [(costs[str(t)]["ratio"], t, setting, snn) for t in steps if loss_of(found, t)[1]]
        if payload in RISING:
            yield from ((snn, setting, t) for _, t, _, snn in tried)
            tried = []
    for _, t, setting, snn in sorted(tried, key=lambda one: one[:2])[:MOST]:
        yield snn, setting, t


def _measured(network: Subject, payload: str, snn: SpikingModel, setting: Setting, t: int) -> dict[str, Any]:
    """Return the figures of a setting on the test samples."""
    found = evaluate(snn, network.test, [t], batch_size=32)
    loss, reached = loss_of(found, t)
    energy = found["energy"]
    counts = energy["operations"][str(t)]
    return {
        "network": network.name, "payload": payload, "setting": dict(setting), "timesteps": t, "loss": loss,
        "reached": reached, "labels": found["ann"]["accuracy"] is not None, "samples": found["samples"], **counts,
        "ann": energy["ann"], **{name: energy[name][str(t)] for name in ("fp32", "fp16", "int8")},
    }  # fmt: skip


def row(found: Mapping[str, Any]) -> str:
    """Return the figures as a row of a Markdown table."""
    head = f"| {found['network']} | {found['payload']} "
    if "timesteps" not in found:
        why = "has neurons that it cannot express" if "refused" in found else "not reached"
        return head + f"| {why} |" + " |" * 8
    loss = f"{100 * found['loss']:.2f} {'points' if found['labels'] else '% error'}" + (
        "" if found["reached"] else " (!)"
    )
    setting = " ".join(f"{key}={value}" for key, value in found["setting"].items() if key != "timesteps") or "adapted"
    cells = [setting, found["timesteps"], loss]
    cells += [f"{found['events_per_neuron']:.2f}", f"{found['shift_adds_per_mac']:.2f}"]
    cells += [f"{found[name]['ratio']:.2f}" for name in ("fp32", "int8")]
    cells += [f"{found[name]['strict_ratio']:.2f}" for name in ("fp32", "int8")]
    return head + "".join(f"| {cell} " for cell in cells) + "|"


HEAD = (
    "| network | spikes | setting | T | loss | events a neuron | shift-adds a dense MAC | fp32 | int8 | strict fp32 | "
    "strict int8 |\n" + "|---" * 11 + "|"
)


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("out"), help="Folder for energy.json.")
@click.option("--real", type=click.Path(path_type=Path, exists=True), help="Folder that models/real wrote to.")
@click.option("--networks", default=",".join(NETWORKS), show_default=True, help="Networks, with commas.")
@click.option("--payloads", default=",".join(PAYLOADS), show_default=True, help="Payloads, with commas.")
def main(out: Path, real: Path | None, networks: str, payloads: str) -> None:
    """Measure every network with every payload that is not in the folder yet; print the table, write the figures."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / "energy.json"
    results = json.loads(file.read_text()) if file.exists() else []
    print(HEAD)
    for name in map(str.strip, networks.split(",")):
        for payload in map(str.strip, payloads.split(",")):
            found = next((one for one in results if (one["network"], one["payload"]) == (name, payload)), None)
            if found is None:
                network = subject(name, real)
                if network is None:
                    print(f"{name} is left out: give the folder that models/real wrote it to with --real")
                    break
                found = best(network, payload)
                results.append(found)
                file.write_text(json.dumps(results, indent=1, default=float))
            print(row(found), flush=True)


if __name__ == "__main__":
    main()
