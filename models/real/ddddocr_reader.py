"""Makes ddddocr_reader.onnx, which reads short texts (CNN and LSTM), and pictures of such texts: `--out DIR`.

The network is common.onnx of the package ddddocr, as it is there: opset 12, a grey picture of height 64, any width; it
is converted at the width of 160 with `--shape input1=1,1,64,160`.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import click
import numpy as np

from models.real.common import Network, need, need_file, out_option, save
from models.real.pictures import INSTALL

HEIGHT, WIDTH = 64, 160
CHARACTERS = list("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789")
FILES = ("ddddocr_reader.onnx", "ddddocr_reader_texts.npz", "ddddocr_reader_calibration.npz")
NETWORKS = (Network(*FILES, ("--shape", f"input1=1,1,{HEIGHT},{WIDTH}")),)


@dataclass(frozen=True)
class Texts:
    """How many texts were read, and how many alike."""

    read: int
    equal: int

    def __str__(self) -> str:
        return f"{self.equal} of {self.read} texts equal"


def picture(generator: np.random.Generator, characters: int = 4) -> np.ndarray:
    """Return so many characters, dark on light, float32 `[1, 64, 16 + 36 characters]` from 0 to 1."""
    image, draw, font = (need(f"PIL.{part}", INSTALL) for part in ("Image", "ImageDraw", "ImageFont"))
    canvas = image.new("L", (16 + 36 * characters, HEIGHT), int(generator.integers(200, 255)))
    for index, character in enumerate(generator.choice(CHARACTERS, characters)):
        place = (8 + 36 * index + int(generator.integers(-3, 3)), 8 + int(generator.integers(-6, 6)))
        size, shade = int(generator.integers(34, 44)), int(generator.integers(0, 120))
        draw.Draw(canvas).text(place, str(character), fill=shade, font=font.load_default(size))
    return np.asarray(canvas, np.float32)[None] / 255


def read(output: np.ndarray) -> list[tuple[int, ...]]:
    """Return the characters of every picture as numbers: the best of every position, merged, without blanks (0).

    The output is `[positions, pictures, characters]`, as the LSTM has it.
    """
    best = np.swapaxes(output, 0, 1).argmax(2).tolist()
    return [tuple(number for number, _ in groupby(numbers) if number) for numbers in best]


def measure(plain: Mapping[str, np.ndarray], spiking: Mapping[str, np.ndarray]) -> Texts:
    """Return how many texts both networks read alike."""
    texts = [read(next(iter(outputs.values()))) for outputs in (plain, spiking)]
    return Texts(len(texts[0]), sum(a == b for a, b in zip(*texts, strict=True)))


@click.command()
@out_option()
def main(out: Path) -> None:
    """Write ddddocr_reader.onnx, ddddocr_reader_texts.npz (30 texts) and ddddocr_reader_calibration.npz (24 others)."""
    shutil.copyfile(need_file("ddddocr", "common.onnx", "pip install --no-deps ddddocr"), out / NETWORKS[0].model)
    generator = np.random.default_rng(0)
    save(out / NETWORKS[0].calibration, input1=np.stack([picture(generator) for _ in range(24)]))
    save(out / NETWORKS[0].test, input1=np.stack([picture(generator) for _ in range(30)]))


if __name__ == "__main__":
    main()
