"""An evaluation of a stream gives the figures of the same samples in memory, whatever interrupts it."""

import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import numpy_helper, parser
from PIL import Image

import onnx2snn
from onnx2snn.data.images import Preprocessing, read_image_folder
from onnx2snn.data.readers import Request, Samples, open_samples
from onnx2snn.data.streams.base import InMemory, Stream
from onnx2snn.evaluation.evaluation import Streaming, evaluate, here
from onnx2snn.evaluation.measuring import Plan
from onnx2snn.evaluation.parts import Accumulator, Part
from onnx2snn_runtime.errors import InputError, NotFiniteWarning, SaturationWarning
from onnx2snn_runtime.model import SpikingModel

OPTIONS: dict[str, Any] = {"batch_size": 7, "by_layer": True}


@pytest.fixture
def stream(features: np.ndarray, tmp_path: Path) -> Stream:
    for i in range(4):
        np.savez(tmp_path / f"{i}.npz", x=features[10 * i : 10 * i + 10], labels=np.arange(10) % 3)
    return open_samples(tmp_path / "{0..3}.npz", ["x"])


@pytest.fixture
def expected(snn: SpikingModel, stream: Stream, features: np.ndarray) -> dict[str, Any]:
    labels = np.concatenate([np.arange(10) % 3] * 4)
    return evaluate(snn, Samples({"x": features}, labels, 40), [1, 4], **OPTIONS)


@pytest.mark.parametrize("readers", [0, 2])
def test_a_stream_gives_the_figures_of_memory(
    snn: SpikingModel, stream: Stream, expected: dict[str, Any], readers: int
) -> None:
    assert evaluate(snn, stream, [1, 4], streaming=Streaming(readers), **OPTIONS) == expected


IMAGES = """<ir_version: 8, opset_import: ["" : 17]>
small (float[N, 3, 6, 5] x) => (float[N, 4] logits) {
  a = Conv <strides = [2, 2], kernel_shape = [3, 3]> (x, w)  b = Relu(a)  c = GlobalAveragePool(b)  d = Flatten(c)
  logits = Gemm(d, u)
}"""
KINDS = ["folder", "tar", "npz", pytest.param("parquet", marks=pytest.mark.slow),
         pytest.param("saved", marks=pytest.mark.slow)]  # fmt: skip


@pytest.fixture(scope="module")
def on_images() -> SpikingModel:
    """Return a spiking network on images of 3 x 6 x 5."""
    draw, model = np.random.default_rng(0), parser.parse_model(IMAGES)
    for name, shape in {"w": (8, 3, 3, 3), "u": (8, 4)}.items():
        model.graph.initializer.append(numpy_helper.from_array(draw.normal(size=shape).astype(np.float32) / 3, name))
    return onnx2snn.convert(model, draw.random((32, 3, 6, 5), np.float32), adapt=False)


def written(kind: str, folder: Path) -> Path:
    """Write 40 images in four classes into `folder`, as a `kind` of data, and return the path of these."""
    classes = write_images(folder / "classes", 40, 4)
    files = sorted(classes.rglob("*.png"))
    raw, labels = [file.read_bytes() for file in files], [int(file.parent.name[-1]) for file in files]
    if kind == "tar":
        for shard in range(3):
            with tarfile.open(folder / f"{shard}.tar", "w") as archive:
                for file in files[14 * shard : 14 * shard + 14]:
                    archive.add(file, file.relative_to(classes))
        return folder / "{0..2}.tar"
    if kind == "npz":
        images, _ = read_image_folder(classes, Preprocessing())
        for part in range(3):
            own = slice(14 * part, 14 * part + 14)
            np.savez(folder / f"{part}.npz", x=images[own], labels=np.array(labels)[own])
        return folder / "{0..2}.npz"
    if kind == "parquet":
        pyarrow = pytest.importorskip("pyarrow", reason="needs the extra streams")
        from pyarrow import parquet

        parquet.write_table(pyarrow.table({"image": raw, "label": labels}), folder / "a.parquet", row_group_size=9)
        return folder / "a.parquet"
    if kind == "saved":
        datasets = pytest.importorskip("datasets", reason="needs the extra streams")
        rows = {"image": [{"bytes": each, "path": None} for each in raw], "label": labels}
        features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
        datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(folder / "saved"))
        return folder / "saved"
    return classes


def write_images(folder: Path, count: int, classes: int) -> Path:
    """Write random images, in folders of their classes."""
    draw = np.random.default_rng(1)
    for i in range(count):
        file = folder / f"class{i % classes}" / f"{i:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (6, 5, 3), dtype=np.uint8)).save(file)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_samples_of_every_kind_have_the_figures_of_memory(
    on_images: SpikingModel, tmp_path: Path, kind: str
) -> None:
    images, labels = read_image_folder(write_images(tmp_path / "same", 40, 4), Preprocessing())
    assert labels is not None
    first = Samples({"x": images[:30]}, labels[:30], 30)
    expected = evaluate(on_images, first, [1, 2], batch_size=7, by_layer=True)
    assert expected["ann"]["accuracy"] is not None
    stream = open_samples(written(kind, tmp_path), ["x"], Request(limit=30, sampling="first"))
    assert not isinstance(stream, InMemory)
    for readers in (0, 2):
        how = Streaming(readers)
        assert evaluate(on_images, stream, [1, 2], batch_size=7, by_layer=True, streaming=how) == expected


def backwards(
    snn: SpikingModel, plan: Plan, stream: Stream, batches: Mapping[int, range]
) -> Iterator[tuple[int, Part]]:
    """Measure the batches in the reverse order, as workers of different speed might."""
    yield from reversed(list(here(snn, plan, stream, batches)))


def test_the_order_in_which_batches_come_changes_no_bit(
    snn: SpikingModel, stream: Stream, expected: dict[str, Any]
) -> None:
    assert evaluate(snn, stream, [1, 4], streaming=Streaming(workers=backwards), **OPTIONS) == expected


class Breaks:
    """Workers that end in the middle, and count the batches that they were given."""

    def __init__(self, after: int, order: Any = here) -> None:
        self.after, self.order, self.given = after, order, 0

    def __call__(
        self, snn: SpikingModel, plan: Plan, stream: Stream, batches: Mapping[int, range]
    ) -> Iterator[tuple[int, Part]]:
        self.given = len(batches)
        for i, found in enumerate(self.order(snn, plan, stream, batches)):
            if i == self.after:
                raise KeyboardInterrupt
            yield found


@pytest.mark.parametrize("order", [here, backwards])
def test_an_interrupted_evaluation_goes_on(
    snn: SpikingModel, stream: Stream, expected: dict[str, Any], tmp_path: Path, order: Any
) -> None:
    file, first, second = tmp_path / "done.json", Breaks(2, order), Breaks(99, order)
    with pytest.raises(KeyboardInterrupt):
        evaluate(snn, stream, [1, 4], streaming=Streaming(resume=file, workers=first), **OPTIONS)
    assert first.given == 6
    assert evaluate(snn, stream, [1, 4], streaming=Streaming(resume=file, workers=second), **OPTIONS) == expected
    assert second.given == 4
    assert evaluate(snn, stream, [1, 4], streaming=Streaming(resume=file, workers=Breaks(0)), **OPTIONS) == expected


def test_a_file_of_other_figures_is_refused(snn: SpikingModel, stream: Stream, tmp_path: Path) -> None:
    file = tmp_path / "done.json"
    evaluate(snn, stream, [1, 4], streaming=Streaming(resume=file), **OPTIONS)
    with pytest.raises(InputError, match=r"done\.json' is of an evaluation with timesteps \[1, 4\], not \[1, 2\]"):
        evaluate(snn, stream, [1, 2], streaming=Streaming(resume=file), **OPTIONS)
    with pytest.raises(InputError, match="with batch size 7, not 8: choose another file, or the same settings"):
        evaluate(snn, stream, [1, 4], streaming=Streaming(resume=file), batch_size=8)
    snn.set_population(snn.population_names()[0], levels=3)
    with pytest.raises(InputError, match="with network '"):
        evaluate(snn, stream, [1, 4], streaming=Streaming(resume=file), **OPTIONS)
    file.write_text("{}")
    with pytest.raises(InputError, match=r"done\.json' is no file of an evaluation to go on from"):
        evaluate(snn, stream, [1, 4], streaming=Streaming(resume=file), **OPTIONS)


def test_parts_are_json_to_the_last_bit(snn: SpikingModel, stream: Stream) -> None:
    plan = Plan("logits", 1, None, (1, 3))
    ((_, part),) = here(snn, plan, stream, {0: range(40)})
    again = Part.from_dict(json.loads(json.dumps(part.as_dict())))
    assert again == part


def test_parts_wait_for_those_before_them(snn: SpikingModel, stream: Stream) -> None:
    sums = Accumulator()
    for number, part in backwards(snn, Plan("logits", 1, None, (1,)), stream, {0: range(9), 1: range(9, 20)}):
        sums.add(number, part)
        assert sums.samples == (11 if number else 20)
        assert sums.missing(3) == ([0, 2] if number else [2])


def test_nan_is_counted_and_warned_of_once(snn: SpikingModel, features: np.ndarray) -> None:
    features[[3, 12, 30]] = np.nan
    with pytest.warns(NotFiniteWarning, match="is NaN") as caught:
        found = evaluate(snn, Samples({"x": features}, None, 40), [2], batch_size=8)
    assert len(caught) == 1
    assert found["nan_samples"] == {"x": 3}


def test_saturation_is_warned_of_once(snn: SpikingModel, features: np.ndarray) -> None:
    with pytest.warns(SaturationWarning, match="1 of 1 populations saturate") as caught:
        evaluate(snn, Samples({"x": 100 * features}, None, 40), [2], batch_size=8)
    assert len(caught) == 1


def test_labels_beyond_the_classes_are_found_in_any_batch(snn: SpikingModel, features: np.ndarray) -> None:
    labels = np.zeros(40, np.int64)
    labels[33] = 3
    with pytest.raises(InputError, match="the labels go up to 3, and the model tells 3 classes apart"):
        evaluate(snn, Samples({"x": features}, labels, 40), [2], batch_size=8)
