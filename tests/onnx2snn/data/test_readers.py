"""Readers of sample data, and what they say about data that do not fit."""

import os
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest

from onnx2snn.data.readers import Samples, read_samples
from onnx2snn_runtime.errors import InputError

X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(6, 4)
Y = np.array([2, 0, 1, 1, 0, 2])


def npz(folder: Path, **arrays: np.ndarray) -> Path:
    np.savez_compressed(folder / "data.npz", **arrays)
    return folder / "data.npz"


def test_npz_by_input_name_with_labels(tmp_path: Path) -> None:
    read = read_samples(npz(tmp_path, x=X, labels=Y), ["x"], limit=4)
    assert read.count == 4
    np.testing.assert_array_equal(read.inputs["x"], X[:4])
    np.testing.assert_array_equal(read.labels, Y[:4])


def test_scalars_are_no_samples(tmp_path: Path) -> None:
    read = read_samples(npz(tmp_path, x=X, k=np.float32(2)), ["x", "k"], limit=2)
    assert (read.count, read.inputs["k"].shape, read.labels) == (2, (), None)


def test_an_input_may_be_called_labels(tmp_path: Path) -> None:
    assert read_samples(npz(tmp_path, labels=X), ["labels"]).labels is None


def test_npy_for_a_single_input(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    assert isinstance(read_samples(tmp_path / "x.npy", ["x"]), Samples)
    with pytest.raises(InputError, match="single array, and the model has the inputs x, z"):
        read_samples(tmp_path / "x.npy", ["x", "z"])


def test_names_and_counts_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lacks the input 'x': the model's inputs are x, the data have z"):
        read_samples(npz(tmp_path, z=X), ["x"])
    with pytest.raises(InputError, match=r"the data have z0, z1, .*, z9, and 20 more$"):
        read_samples(npz(tmp_path, **{f"z{i}": X for i in range(30)}), ["x"])
    with pytest.raises(InputError, match=r"holds 'z', which is no input.*; if 'z' are the labels, say --labels z$"):
        read_samples(npz(tmp_path, x=X, z=X), ["x"])
    with pytest.raises(InputError, match=r"differ in their number of samples \(x 6, labels 5\)"):
        read_samples(npz(tmp_path, x=X, labels=Y[:5]), ["x"])
    with pytest.raises(InputError, match=r"which is no input.* the data have x, z, labels$"):
        read_samples(npz(tmp_path, x=X, z=X, labels=Y), ["x"])
    with pytest.raises(
        InputError, match=r"labels in .* are float64 of .*, of scores or one-hot labels as .*argmax\(1\)"
    ):
        read_samples(npz(tmp_path, x=X, labels=np.eye(6)), ["x"])
    with pytest.raises(
        InputError, match=r"labels in .* are <U1 of .*: give one whole number a sample, the number of its"
    ):
        read_samples(npz(tmp_path, x=X, labels=np.array(list("abcdef"))), ["x"])
    with pytest.raises(InputError, match="holds no samples"):
        read_samples(npz(tmp_path, x=X[:0]), ["x"])
    with pytest.raises(InputError, match=r"0 samples of .* were asked for"):
        read_samples(npz(tmp_path, x=X), ["x"], limit=0)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file or folder .*none\.npz"):
        read_samples(tmp_path / "none.npz", ["x"])
    (tmp_path / "x.txt").write_text("1 2 3")
    with pytest.raises(InputError, match=r"x\.txt' is no data file"):
        read_samples(tmp_path / "x.txt", ["x"])
    (tmp_path / "empty.npz").touch()
    with pytest.raises(InputError, match=r"empty\.npz' is empty"):
        read_samples(tmp_path / "empty.npz", ["x"])
    whole = npz(tmp_path, x=X, labels=Y).read_bytes()
    for length in (10, len(whole) // 2, len(whole) - 30):
        (tmp_path / "cut.npz").write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"cut\.npz' is damaged or truncated"):
            read_samples(tmp_path / "cut.npz", ["x"])
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:-8])
    with pytest.raises(InputError, match=r"cut\.npy' is damaged or truncated"):
        read_samples(tmp_path / "cut.npy", ["x"])
    (tmp_path / "text.npz").write_text("these are not numbers")
    with pytest.raises(InputError, match="holds Python objects or is no numpy file"):
        read_samples(tmp_path / "text.npz", ["x"])


def test_a_member_that_is_no_array(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("x.npy", b"no array")
    with pytest.raises(InputError, match=r"'x' in .*b\.npz' is no array: write the arrays anew"):
        read_samples(tmp_path / "b.npz", ["x"])


@pytest.mark.parametrize(
    ("local", "central", "value", "why"),
    [(6, 8, 1, "encrypted"), (8, 10, 99, "compression method"), (6, 8, 32, "patched"), (4, 6, 150, "version")],
)
def test_archives_that_python_cannot_unpack(tmp_path: Path, local: int, central: int, value: int, why: str) -> None:
    np.savez(tmp_path / "a.npz", x=X)
    raw = bytearray((tmp_path / "a.npz").read_bytes())
    raw[local] = raw[raw.find(b"PK\1\2") + central] = value
    (tmp_path / "a.npz").write_bytes(raw)
    with pytest.raises(InputError, match=rf"a\.npz' cannot be unpacked \(.*{why}.*\): write it anew"):
        read_samples(tmp_path / "a.npz", ["x"])


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"(6, 4)", text) for text in (b"(6, 4 ", b"(6,-4)", b"[6, 4]", b"((((((")]
    + [(b"'<f4'", b"'<q4'"), (b"'descr'", b"'descs'"), (b"False", b"Falsy")],
)
def test_headers_that_are_broken(tmp_path: Path, before: bytes, after: bytes) -> None:
    np.save(tmp_path / "x.npy", X)
    raw = (tmp_path / "x.npy").read_bytes()
    assert before in raw
    (tmp_path / "x.npy").write_bytes(raw.replace(before, after))
    with pytest.raises(InputError, match=r"x\.npy' is damaged or truncated \(.*\): write the data again"):
        read_samples(tmp_path / "x.npy", ["x"])


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match="is no ordinary file: give an"):
        read_samples(tmp_path / name, ["x"])


def test_paths_that_the_system_refuses(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"reading .* failed: File name too long: .*; check the path"):
        read_samples(tmp_path / ("x" * 300 + ".npy"), ["x"])


def test_arrays_of_the_other_byte_order(tmp_path: Path) -> None:
    read = read_samples(npz(tmp_path, x=X.astype(">f4"), labels=Y.astype(">i8")), ["x"])
    assert read.inputs["x"].dtype == np.float32
    assert read.inputs["x"].dtype.isnative
    np.testing.assert_array_equal(read.inputs["x"], X)


def test_arrays_under_the_wrong_suffix(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "x.npy").rename(tmp_path / "x.npz")
    with pytest.raises(InputError, match="holds a single array"):
        read_samples(tmp_path / "x.npz", ["x"])
    npz(tmp_path, x=X).rename(tmp_path / "y.npy")
    with pytest.raises(InputError, match="holds several arrays"):
        read_samples(tmp_path / "y.npy", ["x"])


def test_a_folder_of_images_feeds_one_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder of images, and the model has the inputs x, z"):
        read_samples(tmp_path, ["x", "z"])


class FakeDataset:
    """What is asked of a dataset before rows are read; these are read in tests/onnx2snn/data/streams/test_tables.py."""

    column_names = ("img", "label")

    def with_format(self, kind: str) -> "FakeDataset":
        return self


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "state.json").write_text("{}")
    module = types.ModuleType("datasets")
    monkeypatch.setattr(module, "load_from_disk", lambda path: FakeDataset(), raising=False)
    monkeypatch.setitem(sys.modules, "datasets", module)
    return tmp_path


def test_a_saved_dataset_that_does_not_fit(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="has no column 'x': it has img, label"):
        read_samples(saved, ["x", "y"])
    (saved / "dataset_dict.json").write_text("{}")
    (saved / "train").mkdir()
    with pytest.raises(InputError, match=r"several splits: give the folder of one of them \(train\)"):
        read_samples(saved, ["x"])
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match="pip install datasets"):
        read_samples(saved, ["x"])
