import numpy as np

from models.real.photographs import EXPECTED, PHOTOGRAPHS, crops


def test_crops_are_normalised_and_repeatable():
    photograph = np.zeros((40, 60, 3), np.uint8)
    photograph[:, :, 0] = 255
    first = crops(photograph, 3, np.random.default_rng(0))
    assert first.shape == (3, 3, 224, 224)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first[:, 0], 1.0)
    np.testing.assert_allclose(first[:, 1:], -127 / 128)
    np.testing.assert_array_equal(first, crops(photograph, 3, np.random.default_rng(0)))


def test_every_second_crop_is_mirrored():
    photograph = np.broadcast_to(np.linspace(0, 255, 60).astype(np.uint8)[None, :, None], (40, 60, 3)).copy()
    rise = np.diff(crops(photograph, 4, np.random.default_rng(0))[:, 0, 0].astype(float), axis=1).mean(1)
    assert (np.sign(rise) == [1, -1, 1, -1]).all()


def test_every_photograph_has_its_expected_classes():
    assert list(PHOTOGRAPHS) == list(EXPECTED)
