"""Image folders as arrays."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onnx2snn.data.images import Preprocessing, prepare, read_image_folder
from onnx2snn_runtime.errors import InputError


def save(file: Path, width: int, height: int, colour: tuple[int, int, int]) -> None:
    file.parent.mkdir(exist_ok=True)
    Image.new("RGB", (width, height), colour).save(file)


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    for i in range(3):
        save(tmp_path / "cat" / f"{i}.png", 6, 8, (10 * i, 20, 30))
        save(tmp_path / "ant" / f"{i}.png", 10, 8, (200, 10 * i, 30))
    return tmp_path


def test_classes_are_folders_in_sorted_order(classes: Path) -> None:
    images, labels = read_image_folder(classes, Preprocessing(size=(4, 4)))
    assert images.shape == (6, 3, 4, 4)
    assert images.dtype == np.float32
    assert labels is not None
    assert labels.tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_allclose(images[1, :, 2, 2], np.array([200, 10, 30]) / 255, rtol=1e-6)


def test_a_limit_reaches_every_class(classes: Path) -> None:
    _, labels = read_image_folder(classes, Preprocessing(size=(4, 4)), limit=2)
    assert labels is not None
    assert labels.tolist() == [0, 1]


def test_mean_std_scale_layout_and_channel_order(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 5, 4, (100, 150, 200))
    p = Preprocessing(mean=(1.0, 2.0, 3.0), std=(2.0, 4.0, 5.0), scale=0.1, layout="nhwc", channels="bgr")
    images, labels = read_image_folder(tmp_path, p)
    assert (images.shape, labels) == ((1, 4, 5, 3), None)
    np.testing.assert_allclose(images[0, 0, 0], [(20 - 1) / 2, (15 - 2) / 4, (10 - 3) / 5], rtol=1e-5)


def test_the_shorter_side_is_resized_and_the_centre_cut_out() -> None:
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, 4:12] = 255
    image = prepare(Image.fromarray(pixels), Preprocessing(size=(8, 8)))
    np.testing.assert_array_equal(image, np.ones((3, 8, 8), np.float32))
    assert prepare(Image.fromarray(pixels), Preprocessing(resize=4)).shape == (3, 4, 8)
    assert prepare(Image.fromarray(pixels), Preprocessing(resize=4, size=(2, 6))).shape == (3, 2, 6)


def test_integer_pixels_stay_as_they_are(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 2, 2, (1, 2, 255))
    images, _ = read_image_folder(tmp_path, Preprocessing(dtype="uint8"))
    assert images[0, :, 0, 0].tolist() == [1, 2, 255]


@pytest.mark.parametrize(
    ("shape", "size", "layout", "channels"),
    [
        ((0, 3, 32, 24), (32, 24), "nchw", "rgb"),
        ((1, 32, 24, 3), (32, 24), "nhwc", "rgb"),
        ((0, 1, 28, 28), (28, 28), "nchw", "gray"),
        ((0, 3, 0, 0), None, "nchw", "rgb"),
    ],
)
def test_the_models_input_says_what_it_takes(
    shape: tuple[int, ...], size: tuple[int, int] | None, layout: str, channels: str
) -> None:
    p = Preprocessing().fitted(shape)
    assert (p.size, p.layout, p.channels) == (size, layout, channels)


def test_folders_that_do_not_fit(classes: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(InputError, match=r"images '0\.png' and '0\.png' .* differ in size: set a size"):
        read_image_folder(classes, Preprocessing())
    save(classes / "b.png", 4, 4, (0, 0, 0))
    with pytest.raises(InputError, match="images beside folders of images"):
        read_image_folder(classes, Preprocessing())
    with pytest.raises(InputError, match="folder without images"):
        read_image_folder(tmp_path_factory.mktemp("empty"), Preprocessing())


def test_damaged_images(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"image '.*a\.jpg' cannot be read"):
        read_image_folder(tmp_path, Preprocessing())


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1"])
def test_every_mode_has_three_channels(tmp_path: Path, mode: str) -> None:
    Image.new("RGB", (4, 4), (255, 255, 255)).convert(mode).save(tmp_path / ("a.jpg" if mode == "CMYK" else "a.png"))
    images, _ = read_image_folder(tmp_path, Preprocessing())
    np.testing.assert_allclose(images, np.ones((1, 3, 4, 4)), atol=0.01)


@pytest.mark.parametrize("channels", ["rgb", "gray"])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path: Path, channels: str) -> None:
    values = np.array([[0, 0x1000], [0x8000, 0xFFFF]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    images, _ = read_image_folder(tmp_path, Preprocessing(channels=channels, dtype="uint8"))
    np.testing.assert_array_equal(images[0, -1], values >> 8)


def test_a_palette_with_transparency_warns_of_nothing(tmp_path: Path) -> None:
    image = Image.new("RGB", (4, 4), (10, 20, 30)).quantize(4)
    image.save(tmp_path / "a.png", transparency=bytes([10] * 4))
    images, _ = read_image_folder(tmp_path, Preprocessing(dtype="uint8"))
    assert images[0, :, 0, 0].tolist() == [10, 20, 30]


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_pixels_of_32_bits_are_refused(tmp_path: Path, kind: type) -> None:
    Image.fromarray(np.full((4, 4), 70000, kind)).save(tmp_path / "a.tif")
    with pytest.raises(InputError, match=r"a\.tif' has pixels of 32 bits: save it with 8 or 16 bits a channel"):
        read_image_folder(tmp_path, Preprocessing())


def test_without_pillow(classes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(InputError, match=r"pip install 'onnx2snn\[images\]'"):
        read_image_folder(classes, Preprocessing())


def test_settings_that_make_no_sense() -> None:
    with pytest.raises(InputError, match="layout 'hwc'"):
        Preprocessing(layout="hwc")
    with pytest.raises(InputError, match="mean of images has 2 numbers: give 1 or 3"):
        Preprocessing(mean=(1.0, 2.0))
    with pytest.raises(InputError, match="std of images is 0"):
        Preprocessing(std=(0.0,))
    with pytest.raises(InputError, match="below 1 pixel"):
        Preprocessing(size=(0, 3))
