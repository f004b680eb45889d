"""Accuracy against time steps of the reference networks, as a table, JSON and a picture.

python -m benchmarks.accuracy --out docs/images
"""

import json
from pathlib import Path
from typing import Any

import click
import numpy as np

import onnx2snn
from benchmarks.trained import TRAINED, calibration
from models.data import load
from onnx2snn.data.readers import Samples
from onnx2snn.evaluation.evaluation import evaluate

NETWORKS = ("mnist_mlp", "mnist_cnn", "mnist_mixer", "mnist_vit")
TIMESTEPS = (1, 2, 3, 4, 6, 8)


def measure(name: str) -> dict[str, Any]:
    """Return the figures of the network `name` on the 2,000 MNIST test images, default settings."""
    data = load("mnist")
    snn = onnx2snn.convert(TRAINED / f"{name}.onnx", calibration())
    samples = Samples({"image": data.test_image}, data.test_label, len(data.test_label))
    return {"network": name, **evaluate(snn, samples, TIMESTEPS, batch_size=200)}


def plot(results: list[dict[str, Any]], path: Path) -> None:
    """Draw accuracy against time steps, and accuracy against events per neuron."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 4.2), sharey=True)
    for result in results:
        rows = [result["timesteps"][str(t)] for t in TIMESTEPS]
        accuracy = [100 * row["accuracy"] for row in rows]
        label = result["network"].removeprefix("mnist_")
        (line,) = axes[0].plot(TIMESTEPS, accuracy, marker="o", label=label)
        axes[0].axhline(100 * result["ann"]["accuracy"], color=line.get_color(), linestyle=":", linewidth=1)
        axes[1].plot([row["events_per_neuron"] for row in rows], accuracy, marker="o", color=line.get_color())
    axes[0].set(xlabel="time steps T", ylabel="accuracy in %, 2,000 MNIST images")
    axes[1].set(xlabel="events per neuron")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="upper center", ncol=len(results), title="dotted: the ANN")
    for axis in axes:
        axis.grid(alpha=0.3)
    figure.tight_layout(rect=(0, 0, 1, 0.86))
    figure.savefig(path, dpi=130)


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("out"), help="Folder for accuracy.json and .png.")
def main(out: Path) -> None:
    """Measure every reference network and write the table, the JSON and the picture."""
    out.mkdir(parents=True, exist_ok=True)
    results = [measure(name) for name in NETWORKS]
    for result in results:
        row = "  ".join(f"T={t} {100 * result['timesteps'][str(t)]['accuracy']:.2f}" for t in TIMESTEPS)
        print(f"{result['network']:12} ANN {100 * result['ann']['accuracy']:.2f}  {row}")
    out.joinpath("accuracy.json").write_text(json.dumps(results, indent=1, default=float))
    plot(results, out / "accuracy.png")
    spread = np.mean([100 * (r["ann"]["accuracy"] - r["timesteps"]["4"]["accuracy"]) for r in results])
    print(f"mean loss at T=4: {spread:.2f} points; written to {out}")


if __name__ == "__main__":
    main()
