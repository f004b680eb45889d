import numpy as np
import pytest

from models.data import load
from onnx2snn_runtime.errors import InputError


@pytest.mark.parametrize(("name", "size", "train", "test"), [("digits", 8, 1437, 360), ("mnist", 28, 8000, 2000)])
def test_shapes_types_and_range(name, size, train, test):
    data = load(name)
    assert data.train_image.shape == (train, 1, size, size)
    assert data.test_image.shape == (test, 1, size, size)
    assert data.train_image.dtype == data.test_image.dtype == np.float32
    assert data.train_label.shape == (train,)
    assert data.test_label.shape == (test,)
    assert data.train_label.dtype == data.test_label.dtype == np.int64
    assert (data.train_image.min(), data.train_image.max()) == (0, 1)
    assert set(data.test_label) == set(range(10))


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_no_test_image_is_a_training_image(name):
    data = load(name)
    train = {image.tobytes() for image in data.train_image}
    assert not [i for i, image in enumerate(data.test_image) if image.tobytes() in train]


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match=r"no data set 'cifar': known are digits, mnist, tones"):
        load("cifar")


def test_made_up_sounds_are_the_same_every_time():
    first, second = load("tones"), load("tones")
    np.testing.assert_array_equal(first.test_image, second.test_image)
    assert first.train_image.shape == (2000, 1, 1, 1024)
    assert first.train_image.dtype == np.float32
    assert set(first.test_label) == set(range(10))
    loudness = np.abs(first.train_image).max(axis=(1, 2, 3))
    assert loudness.max() > 50 * loudness.min()
