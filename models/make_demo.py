"""Makes everything in onnx2snn/demo_data: `python -m models.make_demo`."""

from pathlib import Path

import click
import numpy as np

from models.data import load
from models.train import train

CALIBRATION_IMAGES = 128


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(__file__).parents[1] / "onnx2snn" / "demo_data",
    help="The folder to write; onnx2snn/demo_data if left out.",
)
def main(out: Path) -> None:
    """Train the demo's network and write it with its test and calibration images."""
    reached = train("digits_cnn", out / "digits_cnn.onnx")
    data = load("digits")
    np.savez_compressed(out / "digits_test.npz", image=data.test_image, labels=data.test_label)
    np.savez_compressed(out / "digits_calibration.npz", image=data.train_image[:CALIBRATION_IMAGES])
    print(f"digits_cnn: accuracy on the {len(data.test_label)} test images {100 * reached:.2f} %")


if __name__ == "__main__":
    main()
