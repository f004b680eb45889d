"""The data of the study docs/studies/mnist.yaml: 500 test images of MNIST and 512 of its training images.

python -m benchmarks.mnist_study FOLDER
onnx2snn study FOLDER/mnist.yaml
"""

import shutil
import sys
from pathlib import Path

import numpy as np

from models.data import load

STUDY = Path(__file__).parents[1] / "docs" / "studies" / "mnist.yaml"


def write(folder: Path, test: int = 500, calibration: int = 512) -> Path:
    """Write the study and its data into `folder`, and return its file."""
    folder.mkdir(parents=True, exist_ok=True)
    data = load("mnist")
    np.savez(folder / "test.npz", image=data.test_image[:test], labels=data.test_label[:test])
    np.savez(folder / "calibration.npz", image=data.train_image[:calibration])
    return Path(shutil.copy(STUDY, folder))


if __name__ == "__main__":
    print(write(Path(sys.argv[1])))
