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
