"""Peak memory of an evaluation against the number of images, from a folder and from tar shards.

    python -m benchmarks.streaming --samples 5000,50000 --json streaming.json

Synthetic images of 3 x 224 x 224, a few hundred distinct ones and copies of them (hard links in the folder),
go through a small network. Every measurement is a process of its own: the kernel's mark of the most that it held
(VmHWM), all of it counted. The figures of the first images are compared with those of the same images in memory.
"""

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx
from onnx import numpy_helper, parser

import onnx2snn
from benchmarks.memory_cell import resident

NETWORK = """<ir_version: 8, opset_import: ["" : 17]>
small (float[N, 3, 224, 224] x) => (float[N, 10] logits) {
  a = Conv <strides = [16, 16], kernel_shape = [16, 16]> (x, w)  b = Relu(a)  c = Conv(b, v)  d = Relu(c)
  e = GlobalAveragePool(d)  f = Flatten(e)  logits = Gemm(f, u)
}"""
SHAPES = {"w": (8, 3, 16, 16), "v": (16, 8, 3, 3), "u": (16, 10)}
SHARD = 1000


def network() -> onnx.ModelProto:
    """Return a convolutional network of two layers with random weights."""
    draw, model = np.random.default_rng(0), parser.parse_model(NETWORK)
    for name, shape in SHAPES.items():
        values = draw.normal(size=shape) / np.sqrt(np.prod(shape[1:]))
        model.graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), name))
    return model


def images(folder: Path, count: int, distinct: int) -> None:
    """Write `count` JPEG files in ten classes into `folder`, of which only `distinct` take space."""
    from PIL import Image

    draw, made = np.random.default_rng(1), []
    for i in range(distinct):
        low = draw.integers(0, 256, (7, 7, 3), dtype=np.uint8)
        file = folder.parent / f"distinct-{folder.name}-{i}.jpg"
        Image.fromarray(low).resize((224, 224)).save(file, quality=80)
        made.append(file)
    for label in range(10):
        (folder / f"class{label}").mkdir(parents=True)
    for i in range(count):
        os.link(made[i % distinct], folder / f"class{i % 10}" / f"{i:06}.jpg")


def shards(folder: Path, images: Path) -> None:
    """Pack the files in `images`, in their order, into archives of a thousand samples with labels."""
    folder.mkdir()
    files = sorted(images.rglob("*.jpg"))
    for start in range(0, len(files), SHARD):
        with tarfile.open(folder / f"shard-{start // SHARD:05}.tar", "w", dereference=True) as archive:
            for i, file in enumerate(files[start : start + SHARD], start):
                archive.add(file, f"{i:06}.jpg")
                label = folder / "label"
                label.write_text(str(int(file.parent.name[5:])))
                archive.add(label, f"{i:06}.cls")
    (folder / "label").unlink()


def measured(model: Path, data: Path, in_memory: bool, samples: int | None) -> dict[str, Any]:
    """Return the figures and the peak memory of one evaluation in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.streaming", "--cell", str(model), "--data", str(data)]
    words += ["--in-memory"] if in_memory else []
    words += ["--first", str(samples)] if samples else []
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def cell(model: Path, data: Path, in_memory: bool, first: int | None) -> dict[str, Any]:
    """Evaluate in this process; return the figures, the seconds and the peak."""
    import time

    from onnx2snn.cli.files import open_data, whole
    from onnx2snn.evaluation.evaluation import evaluate

    snn = onnx2snn.load(model)
    start = time.perf_counter()
    stream = open_data(data, snn.proto, first, {}, sampling="first")
    found = evaluate(snn, whole(stream) if in_memory else stream, [1, 2])
    seconds = time.perf_counter() - start
    return {"samples": len(stream), "peak": resident("VmHWM"), "seconds": seconds, "figures": found}


@click.command()
@click.option("--samples", default="5000,50000", show_default=True, help="Numbers of images, two or more.")
@click.option("--kinds", default="folder,tar", show_default=True, help="Where images are read from.")
@click.option("--distinct", default=300, show_default=True, help="Images that differ.")
@click.option("--equal", default=5000, show_default=True, help="Images of which the figures in memory are compared.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where to write the images; by default a new folder.")
@click.option("--json", "output", type=click.Path(path_type=Path), help="Where to write what was measured.")
@click.option("--cell", "model", type=click.Path(path_type=Path), hidden=True)
@click.option("--data", type=click.Path(path_type=Path), hidden=True)
@click.option("--in-memory", is_flag=True, hidden=True)
@click.option("--first", type=int, hidden=True)
def main(
    samples: str, kinds: str, distinct: int, equal: int, folder: Path | None, output: Path | None, model: Path | None,
    data: Path | None, in_memory: bool, first: int | None,
) -> None:  # fmt: skip
    """Measure, print, and write what was measured."""
    if model is not None and data is not None:
        print(json.dumps(cell(model, data, in_memory, first)))
        return
    with tempfile.TemporaryDirectory(dir=folder) as name:
        counts = [int(count) for count in samples.split(",")]
        rows = sweep(Path(name), kinds.split(","), counts, distinct, equal)
    if output is not None:
        output.write_text(json.dumps(rows, indent=1))


def sweep(folder: Path, kinds: list[str], counts: list[int], distinct: int, equal: int) -> list[dict[str, Any]]:
    """Return a row for each kind of data and number of images, and one each for the comparison with memory."""
    snn = onnx2snn.convert(network(), np.random.default_rng(2).random((16, 3, 224, 224), np.float32), adapt=False)
    snn.save(folder / "small.snn.onnx")
    rows: list[dict[str, Any]] = []
    for kind in kinds:
        for count in counts:
            data = folder / f"images-{count}"
            if not data.exists():
                images(data, count, distinct)
            if kind == "tar":
                shards(folder / f"shards-{count}", data)
                data = folder / f"shards-{count}"
            row = {"kind": kind, **measured(folder / "small.snn.onnx", data, False, None)}
            rows.append(row)
            if row["samples"] != count:
                raise click.ClickException(f"{row['samples']} samples were read of {count}")
            per_second = row["samples"] / row["seconds"]
            print(
                f"{kind:8} {count:8,} images  peak {row['peak'] / 2**20:8.1f} MiB  {per_second:6.1f} images/s",
                flush=True,
            )
        last, size = rows[-1]["peak"], rows[-len(counts)]["peak"]
        print(f"{kind:8} peak at {counts[-1]:,} over that at {counts[0]:,}: {last / size:.3f}", flush=True)
        both = [measured(folder / "small.snn.onnx", data, in_memory, equal) for in_memory in (False, True)]
        same = both[0]["figures"] == both[1]["figures"]
        print(f"{kind:8} figures of the first {equal:,} equal those in memory: {same}", flush=True)
        rows.append({"kind": kind, "equal": same, "in_memory_peak": both[1]["peak"]})
    return rows


if __name__ == "__main__":
    main()
