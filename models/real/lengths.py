"""Reads texts of three widths by one conversion of ddddocr_reader.onnx: `python -m models.real.lengths --out DIR`.

The file comes from `models.real.ddddocr_reader`; its width stays free, so that its bidirectional LSTM stays rolled.
"""

import json
import time
from pathlib import Path

import click
import numpy as np

import onnx2snn
from models.real.common import out_option
from models.real.ddddocr_reader import NETWORKS, Texts, picture, read
from onnx2snn.reference.ann import Ann

CHARACTERS = (2, 4, 8)
TEXTS = 24


@click.command()
@out_option()
def main(out: Path) -> None:
    """Convert once on texts of four characters, and print figures for two, four and eight."""
    generator, start = np.random.default_rng(1), time.perf_counter()
    with np.load(out / NETWORKS[0].calibration) as held:
        snn = onnx2snn.convert(out / NETWORKS[0].model, calibration=held["input1"])
    plain, steps = Ann(snn.proto), snn.defaults.timesteps
    print(json.dumps({"timesteps": steps, "seconds": round(time.perf_counter() - start, 1)}))
    for characters in CHARACTERS:
        pictures = [picture(generator, characters)[None] for _ in range(TEXTS)]
        expected = [np.asarray(next(iter(plain({"input1": x}).values()))) for x in pictures]
        found = [np.asarray(snn(x, timesteps=steps)).reshape(e.shape) for x, e in zip(pictures, expected, strict=True)]
        alike = [(a.argmax(-1) == b.argmax(-1)).ravel() for a, b in zip(expected, found, strict=True)]
        texts = Texts(TEXTS, sum(read([a]) == read([b]) for a, b in zip(expected, found, strict=True)))
        error = np.linalg.norm(np.stack(expected) - np.stack(found)) / np.linalg.norm(np.stack(expected))
        line = {"width": pictures[0].shape[-1], "positions": expected[0].shape[0], "texts": str(texts)}
        print(json.dumps(line | {"agreement": float(np.mean(alike)), "relative_error": float(error)}), flush=True)


if __name__ == "__main__":
    main()
