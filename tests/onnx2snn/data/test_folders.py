"""Which files of a folder are images, and of which class."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onnx2snn.data.folders import SUFFIXES, image_names, list_images
from onnx2snn.data.images import Preprocessing
from onnx2snn.data.readers import Request, open_samples
from onnx2snn_runtime.errors import InputError, Onnx2SnnWarning


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """Return a folder of two classes with an image each."""
    for i, name in enumerate(("ant", "bee")):
        (tmp_path / name).mkdir()
        Image.new("RGB", (4, 3), (i, 0, 0)).save(tmp_path / name / "1.png")
    return tmp_path


def test_other_files_and_hidden_ones_are_no_images(classes: Path) -> None:
    (classes / "README.txt").write_text("pictures")
    (classes / "ant" / "notes.txt").write_text("ants")
    (classes / "ant" / "._1.png").write_bytes(b"what macOS keeps of a file")
    (classes / ".thumbnails").mkdir()
    shutil.copy(classes / "ant" / "1.png", classes / ".thumbnails")
    names, labels = image_names(classes)
    assert names == ["ant/1.png", "bee/1.png"]
    assert labels is not None
    assert labels.tolist() == [0, 1]
    assert list_images(classes)[0] == [classes / "ant" / "1.png", classes / "bee" / "1.png"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_kind_of_image_is_read(tmp_path: Path, suffix: str) -> None:
    Image.new("RGB", (4, 3), (255, 0, 0)).convert("L" if suffix == ".pgm" else "RGB").save(tmp_path / f"a{suffix}")
    found = open_samples(tmp_path, ["x"], Request(preprocessing=Preprocessing())).read([0]).inputs["x"]
    assert found.shape == (1, 3, 3, 4)
    assert found[0, 0].mean() == pytest.approx(76 / 255 if suffix == ".pgm" else 1.0, abs=0.01)


def test_images_that_lie_deeper_are_not_passed_over(classes: Path) -> None:
    (classes / "ant" / "more" / "yet").mkdir(parents=True)
    assert len(image_names(classes)[0]) == 2
    shutil.copy(classes / "ant" / "1.png", classes / "ant" / "more" / "yet" / "2.png")
    with pytest.raises(InputError, match=r"holds 'ant/more/yet/2\.png', and the classes are the folders right in it"):
        image_names(classes)
    assert image_names(classes, labelled=False) == (["ant/1.png", "ant/more/yet/2.png", "bee/1.png"], None)
    (classes / "l.csv").write_text("2,7\nant/1.png,5\nbee/1.png,6\n")
    read = open_samples(classes, ["x"], Request(labels=str(classes / "l.csv"))).read(range(3))
    assert read.labels is not None
    assert read.labels.tolist() == [5, 7, 6]


def test_a_class_without_images_counts_with_a_warning(classes: Path) -> None:
    (classes / "bat").mkdir()
    (classes / "cat").mkdir()
    with pytest.warns(
        Onnx2SnnWarning, match=r"'bat' in .* holds no images and counts as class 1, and 1 more are empty"
    ):
        _, labels = image_names(classes)
    assert labels is not None
    assert labels.tolist() == [0, 2]


def test_links(classes: Path) -> None:
    (classes / "ant" / "2.png").symlink_to(classes / "bee" / "1.png")
    (classes / "ant" / "up").symlink_to(classes)
    (classes / "cat").symlink_to(classes / "bee")
    assert image_names(classes)[0] == ["ant/1.png", "ant/2.png", "bee/1.png", "cat/1.png"]
    assert len(image_names(classes, labelled=False)[0]) == 4
    (classes / "bee" / "2.png").symlink_to(classes / "nowhere.png")
    stream = open_samples(classes, ["x"], Request(preprocessing=Preprocessing()))
    with pytest.raises(InputError, match=r"image '.*bee/2\.png' is not there, or is a link to nothing"):
        stream.read(range(len(stream)))


def test_names_that_are_not_utf8(classes: Path) -> None:
    raw = os.fsencode(classes / "ant") + b"/caf\xe9.png"
    try:
        shutil.copy(classes / "bee" / "1.png", raw)
    except OSError:
        pytest.skip("this file system has names in UTF-8 alone")
    stream = open_samples(classes, ["x"], Request(preprocessing=Preprocessing()))
    np.testing.assert_allclose(stream.read(range(3)).inputs["x"][:, 0, 0, 0] * 255, [0, 1, 1], rtol=1e-6)
    Path(os.fsdecode(raw)).write_bytes(b"no image")
    with pytest.raises(InputError, match=r"caf\\udce9\.png' cannot be read"):
        stream.read(range(3))
