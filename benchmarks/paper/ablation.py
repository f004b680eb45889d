"""What around the neuron makes `signgd` slow in the paper's code: taken away one by one, from this project's way to it.

python -m benchmarks.paper.ablation
"""

from collections.abc import Iterator
from typing import Any

import click
import numpy as np

import onnx2snn
from benchmarks.paper.measure import BATCH, CALIBRATION, trained
from models.data import load

TIMESTEPS = (8, 16, 32, 64)
STEPS: tuple[tuple[str, bool, dict[str, Any]], ...] = (
    ("as above", True, {"scale": "neuron"}),
    ("no scales: every neuron moves by eta(t)", False, {}),
    ("and the input coded by `float`", False, {"encoder": "float"}),
    ("and elementwise neurons", False, {"encoder": "float", "neurons": "elementwise"}),
)
"""What is changed, whether neurons are scaled, and the options of the conversion."""


def accuracies(name: str, samples: int) -> Iterator[tuple[str, list[float]]]:
    """Yield what was taken away from the network `name` up to then, and its accuracy at `TIMESTEPS`."""
    data = load("mnist")
    for what, scaled, options in STEPS:
        snn = onnx2snn.convert(trained(name), data.train_image[:CALIBRATION], adapt=False, **options)
        for population in () if scaled else snn.population_names():
            snn.set_population(population, scale=np.ones((), np.float32))
        run = snn.run(data.test_image[:samples], TIMESTEPS, dynamics="signgd", batch_size=BATCH)
        yield what, [float((run.outputs[t].argmax(1) == data.test_label[:samples]).mean()) for t in TIMESTEPS]


@click.command()
@click.option("--network", default="mnist_vit", show_default=True)
@click.option("--samples", default=100, show_default=True, help="Test images, 2,000 at most.")
def main(network: str, samples: int) -> None:
    """Print the accuracy of `signgd` in percent against time steps as a Markdown table."""
    print("| `signgd`, default schedule | " + " | ".join(f"T={t}" for t in TIMESTEPS) + " |")
    print("|---" * (1 + len(TIMESTEPS)) + "|")
    for what, row in accuracies(network, samples):
        print(f"| {what} | " + " | ".join(f"{100 * value:.0f}" for value in row) + " |", flush=True)


if __name__ == "__main__":
    main()
