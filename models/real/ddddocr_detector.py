"""Makes ddddocr_detector.onnx, a YOLOX that finds characters in pictures, and such pictures: `--out DIR`.

The network is common_det.onnx of the package ddddocr, as it is there: opset 11, fixed to one picture of 416 x 416.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np

from models.real.boxes import Agreement, Found, agreement, chosen
from models.real.common import Network, need, need_file, out_option, save
from models.real.pictures import INSTALL, fitted, photograph

SIZE = 416
STRIDES = (8, 16, 32)
THRESHOLD = 0.1
CHARACTERS = list("ABCDEFGHKMNPRSTUWXYZ23456789")
FILES = ("ddddocr_detector.onnx", "ddddocr_detector_pictures.npz", "ddddocr_detector_calibration.npz")
NETWORKS = (Network(*FILES),)


def picture(background: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return a background of 344 x 384 with four characters somewhere on it, uint8 `[384, 344, 3]`."""
    image, draw = need("PIL.Image", INSTALL), need("PIL.ImageDraw", INSTALL)
    font = need("PIL.ImageFont", INSTALL)
    canvas = image.fromarray(background).resize((344, 384)).convert("RGB")
    for _ in range(4):
        place = tuple(int(v) for v in generator.integers((10, 10), (270, 320)))
        colour = tuple(int(v) for v in generator.integers(0, 255, 3))
        size = int(generator.integers(40, 70))
        draw.Draw(canvas).text(place, str(generator.choice(CHARACTERS)), fill=colour, font=font.load_default(size))
    return np.asarray(canvas)


def inputs(pictures: list[np.ndarray]) -> np.ndarray:
    """Return pictures as the network's input, blue first, float32 `[pictures, 3, 416, 416]` from 0 to 255."""
    return np.stack([fitted(p[..., ::-1], SIZE, 114).transpose(2, 0, 1) for p in pictures]).astype(np.float32)


def found(output: np.ndarray) -> list[Found]:
    """Return the boxes of every picture for the output `[pictures, 3549, 6]`: offsets, sizes, objectness and score."""
    cells = [np.stack(np.meshgrid(np.arange(SIZE // s), np.arange(SIZE // s)), 2).reshape(-1, 2) for s in STRIDES]
    strides = np.concatenate([np.full((len(c), 1), s) for c, s in zip(cells, STRIDES, strict=True)])
    places = np.concatenate(cells)
    boxes = []
    for one in output.astype(np.float64):
        centres = np.concatenate([(one[:, :2] + places) * strides, np.exp(one[:, 2:4]) * strides], 1)
        boxes.append(chosen(centres, one[:, 4:5] * one[:, 5:], THRESHOLD))
    return boxes


def measure(plain: Mapping[str, np.ndarray], spiking: Mapping[str, np.ndarray]) -> Agreement:
    """Return how far both networks find the same boxes."""
    return agreement(found(plain["output"]), found(spiking["output"]))


@click.command()
@out_option()
def main(out: Path) -> None:
    """Write ddddocr_detector.onnx, ddddocr_detector_pictures.npz (12) and ddddocr_detector_calibration.npz (12)."""
    shutil.copyfile(need_file("ddddocr", "common_det.onnx", "pip install --no-deps ddddocr"), out / NETWORKS[0].model)
    generator = np.random.default_rng(0)
    photographs = [photograph(name) for name in ("coffee", "rocket", "chelsea", "astronaut")]
    sets = [[picture(photographs[i % 4], generator) for i in range(12)] for _ in range(2)]
    save(out / NETWORKS[0].calibration, images=inputs(sets[0]))
    save(out / NETWORKS[0].test, images=inputs(sets[1]))


if __name__ == "__main__":
    main()
