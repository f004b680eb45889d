"""Streams give the samples of their files in one order, whatever few of them are read, and say what does not fit."""

import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onnx2snn.data.images import Preprocessing, read_image_folder
from onnx2snn.data.readers import Request, open_samples
from onnx2snn.data.streams.base import Stream, batch_places
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.ir.batch import BatchAxes

X = np.linspace(-1, 1, 40, dtype=np.float32).reshape(10, 4)
Y = np.arange(10) % 3


def png(value: int, size: tuple[int, int] = (4, 3)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (value, 0, 255)).save(file, "PNG")
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, raw in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            archive.addfile(info, io.BytesIO(raw))
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Return a folder of images in two classes."""
    for i in range(7):
        folder = tmp_path / "images" / ("cat" if i % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i}.png").write_bytes(png(i))
    return tmp_path / "images"


def shards(folder: Path, **arrays: np.ndarray) -> None:
    for i in range(3):
        np.savez(folder / f"part-{i:02}.npz", **{name: value[4 * i : 4 * i + 4] for name, value in arrays.items()})


def all_of(stream: Stream, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what batches of `size` hold together."""
    read = [stream.read(places) for places in batch_places(stream, size, BatchAxes())]
    assert all(part.labels is not None for part in read)
    (name,) = read[0].inputs
    return np.concatenate([part.inputs[name] for part in read]), np.concatenate([part.labels for part in read])


@pytest.mark.parametrize("size", [1, 3, 10])
def test_an_image_folder(images: Path, size: int) -> None:
    stream = open_samples(images, ["x"], Request(preprocessing=Preprocessing()))
    found, labels = all_of(stream, size)
    expected, expected_labels = read_image_folder(images, Preprocessing())
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(labels, expected_labels)


@pytest.mark.parametrize("size", [1, 3, 10])
def test_shards_of_webdataset(tmp_path: Path, size: int) -> None:
    for shard in range(2):
        members = {f"{n:03}.{ext}": raw for n in range(shard * 5, shard * 5 + 5)
                   for ext, raw in (("png", png(n)), ("cls", str(n % 4).encode()), ("txt", b"a picture"))}  # fmt: skip
        tar(tmp_path / f"shard-{shard:03}.tar", members)
    stream = open_samples(tmp_path / "shard-{000..001}.tar", ["x"])
    found, labels = all_of(pickle.loads(pickle.dumps(stream)), size)
    assert found.shape == (10, 3, 3, 4)
    np.testing.assert_allclose(found[:, 0, 0, 0] * 255, np.arange(10), rtol=1e-6)
    assert labels.tolist() == [n % 4 for n in range(10)]
    for same in (tmp_path / "shard-*.tar", tmp_path):
        np.testing.assert_array_equal(all_of(open_samples(same, ["x"]), 4)[0], found)


def test_a_packed_image_folder_has_the_labels_of_its_folders(tmp_path: Path, images: Path) -> None:
    members = {str(file.relative_to(images)): file.read_bytes() for file in sorted(images.rglob("*.png"))}
    stream = open_samples(tar(tmp_path / "all.tar", {"README": b"pictures", **members}), ["x"])
    found, labels = all_of(stream, 3)
    expected, expected_labels = read_image_folder(images, Preprocessing())
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(labels, expected_labels)


def test_hard_links_in_an_archive_are_their_files(tmp_path: Path) -> None:
    for i in range(2):
        (tmp_path / f"{i}.png").write_bytes(png(i))
    for i in (2, 3):
        (tmp_path / f"{i}.png").hardlink_to(tmp_path / "1.png")
    with tarfile.open(tmp_path / "linked.tar", "w") as archive:
        for i in range(4):
            archive.add(tmp_path / f"{i}.png", f"{i}.png")
        assert [member.islnk() for member in archive.getmembers()] == [False, False, True, True]
    found = open_samples(tmp_path / "linked.tar", ["x"]).read(range(4)).inputs["x"]
    np.testing.assert_allclose(found[:, 0, 0, 0] * 255, [0, 1, 1, 1], rtol=1e-6)


def test_arrays_in_archives(tmp_path: Path) -> None:
    one = tar(tmp_path / "one.tar", {f"{i}.{e}": raw for i in range(10)
                                     for e, raw in (("npy", npy(X[i])), ("json", b'{"kind": %d}' % Y[i]))})  # fmt: skip
    found, labels = all_of(open_samples(one, ["x"], Request(labels="kind")), 4)
    np.testing.assert_array_equal(found, X)
    np.testing.assert_array_equal(labels, Y)
    two = tar(tmp_path / "two.tar", {f"{i}.{e}.npy": npy(X[i] * f) for i in range(10) for e, f in (("a", 1), ("b", 2))})
    read = open_samples(two, ["a", "b"]).read([1, 7])
    np.testing.assert_array_equal(read.inputs["b"], X[[1, 7]] * 2)
    assert read.labels is None


def test_sets_of_npz(tmp_path: Path) -> None:
    shards(tmp_path, x=X, labels=Y)
    for path in (tmp_path, tmp_path / "part-*.npz", tmp_path / "part-{00..02}.npz"):
        found, labels = all_of(open_samples(path, ["x"]), 3)
        np.testing.assert_array_equal(found, X)
        np.testing.assert_array_equal(labels, Y)


def test_sets_of_npz_along_another_axis(tmp_path: Path) -> None:
    for i in range(2):
        np.savez(tmp_path / f"{i}.npz", h=X[5 * i : 5 * i + 5].T, k=np.float32(2))
    axes = BatchAxes({"h": 1, "k": None})
    read = open_samples(tmp_path, ["h", "k"], Request(axes=axes)).read(range(3, 8))
    np.testing.assert_array_equal(read.inputs["h"], X[3:8].T)
    assert read.inputs["k"] == 2


def test_some_of_the_samples(tmp_path: Path, images: Path) -> None:
    def labels(**wanted: object) -> list[int]:
        np.save(tmp_path / "own.npy", np.arange(7))
        stream = open_samples(images, ["x"], Request(limit=3, labels=str(tmp_path / "own.npy"), **wanted))  # type: ignore[arg-type]
        found = stream.read(range(3)).labels
        assert found is not None
        return found.tolist()  # type: ignore[no-any-return]

    assert labels() == labels(sampling="spread") == [0, 3, 6]
    assert labels(sampling="first") == [0, 1, 2]
    drawn = labels(sampling="random", seed=4)
    assert drawn == sorted(drawn) == labels(sampling="random", seed=4)
    assert len({tuple(labels(sampling="random", seed=seed)) for seed in range(5)}) > 1


@pytest.mark.parametrize(
    ("name", "text"),
    [("l.txt", "3\n1\n2\n0\n5\n4\n6\n"), ("l.csv", "file,label\n" + "".join(f"{n}.png,{n}\n" for n in range(7)))],
)
def test_labels_from_a_file(tmp_path: Path, images: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    read = open_samples(images, ["x"], Request(labels=str(tmp_path / name))).read(range(7))
    assert read.labels is not None
    # the folder cat comes first: 1, 3 and 5, then 0, 2, 4 and 6 of dog
    assert read.labels.tolist() == ([3, 1, 2, 0, 5, 4, 6] if name == "l.txt" else [1, 3, 5, 0, 2, 4, 6])


def test_labels_that_are_names(tmp_path: Path, images: Path) -> None:
    (tmp_path / "l.txt").write_text("".join(f"{n} {'b' if n < 3 else 'a'}\n" for n in range(7)))
    read = open_samples(images, ["x"], Request(labels=str(tmp_path / "l.txt"))).read(range(7))
    assert read.labels is not None
    assert read.labels.tolist() == [1, 0, 0, 1, 1, 0, 0]


def test_files_that_are_not_there(tmp_path: Path) -> None:
    shards(tmp_path, x=X)
    with pytest.raises(InputError, match=r"no file '.*part-03\.npz' \(one of '.*part-\{00\.\.03\}\.npz'\): check"):
        open_samples(tmp_path / "part-{00..03}.npz", ["x"])
    with pytest.raises(InputError, match=r"no file fits '.*shard-\*\.tar'"):
        open_samples(tmp_path / "shard-*.tar", ["x"])
    with pytest.raises(InputError, match="is empty or too long: count upwards"):
        open_samples(tmp_path / "part-{03..01}.npz", ["x"])
    with pytest.raises(InputError, match=r"is no range: write \{000\.\.009\}"):
        open_samples(tmp_path / "part-{all}.npz", ["x"])


def test_an_image_that_cannot_be_read_is_named_with_its_archive(tmp_path: Path) -> None:
    path = tar(tmp_path / "s.tar", {"a/1.png": png(1), "a/2.png": b"no image", "a/3.png": png(3, (5, 3))})
    stream = open_samples(path, ["x"])
    with pytest.raises(InputError, match=r"the image 'a/2\.png' in '.*s\.tar' cannot be read: remove it"):
        stream.read([0, 1])
    with pytest.raises(InputError, match=r"the images '1' and '3' in .* differ in size: set a size"):
        stream.read([2])


def test_archives_that_do_not_fit(tmp_path: Path, images: Path) -> None:
    whole = tar(tmp_path / "a.tar", {"1.png": png(1), "2.png": png(2)})
    (tmp_path / "cut.tar").write_bytes(whole.read_bytes()[:1200])
    with pytest.raises(InputError, match=r"archive '.*cut\.tar' is damaged or truncated"):
        open_samples(tmp_path / "cut.tar", ["x"])
    with tarfile.open(tmp_path / "z.tar", "w:gz") as archive:
        archive.add(whole, "a.png")
    with pytest.raises(InputError, match=r"z\.tar' is compressed, .*: unpack it to a \.tar"):
        open_samples(tmp_path / "z.tar", ["x"])
    with pytest.raises(InputError, match=r"holds no samples: give archives"):
        open_samples(tar(tmp_path / "none.tar", {}), ["x"])
    with pytest.raises(InputError, match=r"holds images, and the model has the inputs x, y: write arrays"):
        open_samples(whole, ["x", "y"])
    with pytest.raises(InputError, match=r"no arrays for the input 'x': it has \.txt"):
        open_samples(tar(tmp_path / "t.tar", {"1.txt": b"one"}), ["x"])
    with pytest.raises(InputError, match=r"has no labels 'cls': its samples have \.png"):
        open_samples(whole, ["x"], Request(labels="cls"))
    with pytest.raises(InputError, match=r"label '1\.cls' in '.*c\.tar' is no whole number"):
        open_samples(tar(tmp_path / "c.tar", {"1.png": png(1), "1.cls": b"cat"}), ["x"])
    with pytest.raises(InputError, match=r"sample '2' in '.*d\.tar' has no \.cls: leave it out"):
        open_samples(tar(tmp_path / "d.tar", {"1.png": png(1), "1.cls": b"1", "2.png": png(1)}), ["x"]).read([1])
    with pytest.raises(InputError, match=r"are of two kinds: give files of one kind"):
        open_samples(tmp_path / "{a.tar,images/dog/0.png}", ["x"])


def test_links_in_an_archive_that_lead_nowhere(tmp_path: Path) -> None:
    def packed(name: str, *links: tuple[str, bytes, str]) -> Path:
        with tarfile.open(tmp_path / name, "w") as archive:
            info = tarfile.TarInfo("a/0.png")
            info.size = len(png(7))
            archive.addfile(info, io.BytesIO(png(7)))
            for link, kind, target in links:
                info = tarfile.TarInfo(link)
                info.type, info.linkname = kind, target
                archive.addfile(info)
        return tmp_path / name

    symbolic = packed("s.tar", ("a/1.png", tarfile.SYMTYPE, "0.png"), ("a/2.png", tarfile.SYMTYPE, "../a/0.png"),
                      ("a/docs", tarfile.SYMTYPE, "../nowhere"), ("a/3.png", tarfile.DIRTYPE, ""))  # fmt: skip
    found = open_samples(symbolic, ["x"]).read(range(3)).inputs["x"]
    np.testing.assert_allclose(found[:, 0, 0, 0] * 255, [7, 7, 7], rtol=1e-6)
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        with pytest.raises(InputError, match=r"'a/1\.png' in '.*l\.tar' is a link to '9\.png', which is not before it"):
            open_samples(packed("l.tar", ("a/1.png", kind, "9.png")), ["x"])


def test_what_is_no_sample_is_never_lost_in_silence(tmp_path: Path) -> None:
    one = png(1)
    lost = {
        r"'2\.v1\.png' in .* begins at its first dot: rename it": {"1.png": one, "2.v1.png": one},
        r"'1\.v1\.png' in .* begins at its first dot: rename it": {"1.v1.png": one, "1.v2.png": one},
        r"'2\.cls' in .* is a label without an image": {"1.png": one, "1.cls": b"1", "2.cls": b"1"},
        r"holds members of '1' in two places: pack it anew": {"1.png": one, "2.png": one, "1.cls": b"1"},
        r"holds '1\.PNG' twice: pack it anew": {"1.png": one, "1.PNG": one},
        r"in the folders 'train/cat' and 'val/cat', and": {"train/cat/1.png": one, "val/cat/1.png": one},
        r"in the folders 'cat' and 'cat/more', and": {"cat/1.png": one, "cat/more/1.png": one},
        r"in the folders '\.' and 'cat', and": {"1.png": one, "cat/1.png": one},
    }
    for match, members in lost.items():
        with pytest.raises(InputError, match=match):
            open_samples(tar(tmp_path / "a.tar", members), ["x"])
    (tmp_path / "l.txt").write_text("4\n2\n")
    whole = tar(tmp_path / "a.tar", {"train/cat/1.png": one, "val/cat/1.png": one})
    read = open_samples(whole, ["x"], Request(labels=str(tmp_path / "l.txt"))).read(range(2))
    assert read.labels is not None
    assert read.labels.tolist() == [4, 2]


@pytest.mark.parametrize("name", ["s.tar.gz", "s.tgz", "s.tar.zst"])
def test_compressed_archives(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"compressed")
    for path in (tmp_path / name, tmp_path, tmp_path / "s.*"):
        with pytest.raises(InputError, match=rf"{name}' is compressed, .*: unpack it to a \.tar"):
            open_samples(path, ["x"])


def test_a_label_in_json_is_a_whole_number(tmp_path: Path) -> None:
    for value in (b"1.5", b"null", b'"cat"', b"[1]"):
        path = tar(tmp_path / "a.tar", {"1.png": png(1), "1.json": b'{"kind": %s}' % value})
        with pytest.raises(InputError, match=r"label '1\.json' in '.*a\.tar' is no whole number"):
            open_samples(path, ["x"], Request(labels="kind")).read([0])


def test_sets_of_npz_that_do_not_fit(tmp_path: Path) -> None:
    shards(tmp_path, x=X)
    with pytest.raises(InputError, match=r"part-00\.npz' lacks the input 'y': write arrays"):
        open_samples(tmp_path, ["y"])
    with pytest.raises(InputError, match=r"part-00\.npz' has no labels 'kind': it has x"):
        open_samples(tmp_path, ["x"], Request(labels="kind")).read([0])
    with pytest.raises(InputError, match=r"are run together, or one a call: give them as one \.npz"):
        open_samples(tmp_path, ["x"], Request(axes=BatchAxes({"x": 0}, joint=True)))
    np.savez(tmp_path / "part-03.npz", x=X[:, :3])
    with pytest.raises(InputError, match=r"arrays 'x' in .* differ in shape"):
        open_samples(tmp_path, ["x"]).read([9, 10])
    (tmp_path / "part-00.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"part-00\.npz' is damaged, or no \.npz"):
        open_samples(tmp_path, ["x"])


def test_labels_that_do_not_fit(tmp_path: Path, images: Path) -> None:
    def opened(text: str) -> None:
        (tmp_path / "l.txt").write_text(text)
        open_samples(images, ["x"], Request(labels=str(tmp_path / "l.txt")))

    with pytest.raises(InputError, match=r"l\.txt' has 2 labels, .* 7 samples: give one each"):
        opened("1\n2\n")
    with pytest.raises(InputError, match=r"line 2 of .*l\.txt' is neither a label nor a name and a label"):
        opened("0 1\n1\n")
    with pytest.raises(InputError, match=r"has no label for the sample 'cat/1\.png': add a line"):
        opened("0 1\n2 1\n")
    with pytest.raises(InputError, match=r"no file '.*none\.csv' of labels"):
        open_samples(images, ["x"], Request(labels=str(tmp_path / "none.csv")))
    with pytest.raises(InputError, match="has no column 'kind': give a file"):
        open_samples(images, ["x"], Request(labels="kind"))
    np.savez(tmp_path / "x.npz", x=X)
    with pytest.raises(InputError, match=r"has no labels 'kind': it has x"):
        open_samples(tmp_path / "x.npz", ["x"], Request(labels="kind"))
    with pytest.raises(InputError, match="cannot be taken 'last': choose among first, spread, random"):
        open_samples(images, ["x"], Request(limit=2, sampling="last"))
