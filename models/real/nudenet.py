"""Makes nudenet.onnx, a YOLOv8n that finds faces and parts of bodies, and pictures of people: `--out DIR`.

The network is the one in the package nudenet, as it is there: opset 17, sizes free, output `[batch, 4 + 18, boxes]`.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np

from models.real.boxes import Agreement, Found, agreement, chosen
from models.real.common import Network, need_file, out_option, save
from models.real.pictures import fitted, frames, photograph

SIZE = 320
THRESHOLD = 0.25
NETWORKS = (Network("nudenet.onnx", "nudenet_pictures.npz", "nudenet_calibration.npz"),)


def inputs(pictures: list[np.ndarray]) -> np.ndarray:
    """Return pictures as the network's input, float32 `[pictures, 3, 320, 320]` from 0 to 1."""
    return np.stack([fitted(p, SIZE, 0).transpose(2, 0, 1) for p in pictures]).astype(np.float32) / 255


def found(output: np.ndarray) -> list[Found]:
    """Return the boxes of every picture, as the package chooses them, for the output `[pictures, 22, boxes]`."""
    return [chosen(one[:4].T, one[4:].T, THRESHOLD) for one in output]


def measure(plain: Mapping[str, np.ndarray], spiking: Mapping[str, np.ndarray]) -> Agreement:
    """Return how far both networks find the same boxes."""
    return agreement(found(plain["output0"]), found(spiking["output0"]))


@click.command()
@out_option()
def main(out: Path) -> None:
    """Write nudenet.onnx, nudenet_pictures.npz (16 pictures) and nudenet_calibration.npz (16 others)."""
    shutil.copyfile(need_file("nudenet", "320n.onnx", "pip install --no-deps nudenet"), out / NETWORKS[0].model)
    astronaut = photograph("astronaut")
    cuts = [astronaut, astronaut[:300, 100:400], astronaut[:, ::-1], astronaut[:256, 128:384]]
    others = [
        astronaut[20:420, 60:460],
        astronaut[10:310, 80:420][:, ::-1],
        photograph("chelsea"),
        photograph("coffee"),
    ]
    talking = frames("carphone_pristine.mp4", 9, 16)
    riding = frames("bikes.mp4", 25, 8)
    save(out / NETWORKS[0].test, images=inputs([*cuts, *talking[::2], *riding[::2]]))
    save(out / NETWORKS[0].calibration, images=inputs([*others, *talking[1::2], *riding[1::2]]))


if __name__ == "__main__":
    main()
