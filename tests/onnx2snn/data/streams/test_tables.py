"""Parquet files and saved datasets as streams; the packages that read them are the extra "streams"."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnx2snn.data.images import Preprocessing
from onnx2snn.data.readers import Request, open_samples
from onnx2snn_runtime.errors import InputError
from tests.onnx2snn.data.streams.test_streams import X, Y, all_of, png

pytestmark = pytest.mark.slow


def write(path: Path, rows: int | None = None, **columns: Any) -> Path:
    pyarrow = pytest.importorskip("pyarrow", reason="needs the extra streams")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table(columns), path, row_group_size=rows)
    return path


def test_rows_of_several_files_and_groups(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", 3, x=list(X[:7]), label=Y[:7])
    write(tmp_path / "b.parquet", 2, x=list(X[7:]), label=Y[7:])
    for size in (1, 4, 10):
        found, labels = all_of(open_samples(tmp_path, ["x"]), size)
        np.testing.assert_array_equal(found, X)
        np.testing.assert_array_equal(labels, Y)
    assert found.dtype == np.float32


def test_lists_of_lists_and_images(tmp_path: Path) -> None:
    grid = X.reshape(10, 2, 2)
    file = write(tmp_path / "a.parquet", x=grid.tolist(), kind=Y)
    found, labels = all_of(open_samples(file, ["x"], Request(labels="kind")), 3)
    np.testing.assert_allclose(found, grid)
    np.testing.assert_array_equal(labels, Y)
    images = write(tmp_path / "i.parquet", image=[{"bytes": png(i), "path": "p"} for i in range(4)], label=[0, 1, 2, 3])
    found, _ = all_of(open_samples(images, ["pixels"], Request(preprocessing=Preprocessing())), 3)
    np.testing.assert_allclose(found[:, 0, 0, 0] * 255, range(4), rtol=1e-6)


def test_files_that_do_not_fit(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", x=[[1.0], [1.0, 2.0]], label=[0, 1])
    with pytest.raises(InputError, match=r"a\.parquet' has no column 'y': it has x, label"):
        open_samples(file, ["y"])
    with pytest.raises(InputError, match=r"a\.parquet' has no column 'kind' of labels: it has x, label"):
        open_samples(file, ["x"], Request(labels="kind"))
    with pytest.raises(InputError, match=r"rows of 'x' in .* differ in shape"):
        open_samples(file, ["x"]).read([0, 1])
    bad = write(tmp_path / "i.parquet", image=[png(1), b"none"])
    with pytest.raises(InputError, match=r"image in row 1 of 'image' in '.*i\.parquet' cannot be read"):
        open_samples(bad, ["x"]).read([0, 1])
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no table")
    with pytest.raises(InputError, match=r"a\.parquet' is damaged, or no Parquet file"):
        open_samples(file, ["x"])


def test_views_and_large_columns(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs the extra streams")
    for kind in (pyarrow.large_binary(), pyarrow.binary_view()):
        file = write(tmp_path / "a.parquet", image=pyarrow.array([png(1), png(2)], kind), label=[0, 1])
        found, _ = all_of(open_samples(file, ["x"], Request(preprocessing=Preprocessing())), 2)
        np.testing.assert_allclose(found[:, 0, 0, 0] * 255, [1, 2], rtol=1e-6)


@pytest.mark.parametrize(
    ("x", "label", "match"),
    [
        ([png(1), None], [0, 1], r"row 1 of 'x' in '.*a\.parquet' is null"),
        ([None, png(1)], [0, 1], r"row 0 of 'x' .* is null"),
        ([[1.0, 2.0], [1.0, None]], [0, 1], r"row 1 of 'x' .* is null, or holds one: leave it out"),
        ([[1.0, 2.0], None], [0, 1], r"row 1 of 'x' .* is null"),
        ([1.0, 2.0], [0, None], r"row 1 of 'label' .* is null"),
        ([1.0, 2.0], ["cat", "dog"], r"row 0 of 'label' .* holds string, and no numbers: write numbers"),
        (["a.png", "b.png"], [0, 1], r"row 0 of 'x' .* holds string, and no numbers: .* or the bytes of images"),
        ([{"bytes": None, "path": "none.png"}] * 2, [0, 1], r"row 0 of 'x' .* holds a path and no image"),
        ([png(1), b"no image"], [0, 1], r"image in row 1 of 'x' in '.*a\.parquet' cannot be read"),
        ([png(1), png(1, (5, 5))], [0, 1], r"images in rows 0 and 1 of 'x' in .* differ in size: set a size"),
    ],
)
def test_rows_that_do_not_fit(tmp_path: Path, x: list[Any], label: list[Any], match: str) -> None:
    file = write(tmp_path / "a.parquet", x=x, label=label)
    with pytest.raises(InputError, match=match):
        open_samples(file, ["x"], Request(preprocessing=Preprocessing())).read([0, 1])


def test_a_row_is_named_by_its_file(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", 2, x=[png(1)] * 5, label=[0] * 5)
    write(tmp_path / "b.parquet", 2, x=[png(1)] * 3 + [b"no image"], label=[0] * 4)
    with pytest.raises(InputError, match=r"row 3 of 'x' in '.*b\.parquet' cannot be read"):
        open_samples(tmp_path, ["x"], Request(preprocessing=Preprocessing())).read(range(9))


def test_files_of_other_columns(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", x=[1.0], label=[0])
    write(tmp_path / "b.parquet", x=[1.0], kind=[0])
    with pytest.raises(InputError, match=r"b\.parquet' has other columns of inputs or labels than '.*a\.parquet'"):
        open_samples(tmp_path, ["x"])


def test_saved_images_with_class_labels_in_any_format(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="needs the extra streams")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"])})
    images = [{"bytes": png(i), "path": None} for i in range(4)]
    made = datasets.Dataset.from_dict({"image": images, "label": [0, 1, -1, 1]}, features=features)
    for kind in (None, "numpy", "arrow"):
        folder = tmp_path / str(kind)
        made.with_format(kind).save_to_disk(str(folder))
        found, labels = all_of(open_samples(folder, ["x"], Request(preprocessing=Preprocessing())), 3)
        np.testing.assert_allclose(found[:, 0, 0, 0] * 255, range(4), rtol=1e-6)
        np.testing.assert_array_equal(labels, [0, 1, -1, 1])


def test_saved_arrays_of_three_axes(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="needs the extra streams")
    features = datasets.Features({"x": datasets.Array3D((2, 2, 1), "float32")})
    datasets.Dataset.from_dict({"x": X.reshape(10, 2, 2, 1)}, features=features).save_to_disk(str(tmp_path / "d"))
    found = open_samples(tmp_path / "d", ["x"]).read(range(3, 8)).inputs["x"]
    np.testing.assert_array_equal(found, X[3:8].reshape(5, 2, 2, 1))


def test_saved_datasets_that_do_not_fit(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="needs the extra streams")
    features = datasets.Features({"image": datasets.Image()})
    images = [{"bytes": png(1), "path": None}, None, {"bytes": b"no image", "path": None}]
    datasets.Dataset.from_dict({"image": images}, features=features).save_to_disk(str(tmp_path / "d"))
    stream = open_samples(tmp_path / "d", ["x"], Request(preprocessing=Preprocessing()))
    with pytest.raises(InputError, match=r"row 1 of 'image' in '.*d' is null"):
        stream.read([0, 1])
    with pytest.raises(InputError, match=r"image in row 2 of 'image' in '.*d' cannot be read"):
        stream.read([2])
    datasets.Dataset.from_dict({"x": [[1], [1, 2]]}).save_to_disk(str(tmp_path / "ragged"))
    with pytest.raises(InputError, match=r"rows of 'x' in .* differ in shape"):
        open_samples(tmp_path / "ragged", ["x"]).read([0, 1])
    (tmp_path / "d" / "state.json").write_text("{")
    with pytest.raises(InputError, match=r"dataset '.*d' is damaged or empty \(.*\): save it again"):
        open_samples(tmp_path / "d", ["x"])


def test_a_saved_dataset(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="needs the extra streams")
    datasets.Dataset.from_dict({"x": X.tolist(), "label": Y.tolist()}).save_to_disk(str(tmp_path / "d"))
    for size in (3, 10):
        found, labels = all_of(open_samples(tmp_path / "d", ["x"]), size)
        np.testing.assert_allclose(found, X)
        np.testing.assert_array_equal(labels, Y)


def test_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"is read by pyarrow, which is absent: pip install 'onnx2snn\[streams\]'"):
        open_samples(tmp_path / "a.parquet", ["x"])
