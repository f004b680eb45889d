"""Frames of arrays, folders, videos and sounds."""

from pathlib import Path

import numpy as np
import pytest

from onnx2snn.data.frames import FrameRequest, read_frames
from onnx2snn.data.images import Preprocessing
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.program.ports import Port

IMAGE = Port("x", 1, (0, 3, 4, 6))
NUMBER = Port("n", 1, (), None)
SOUND = Port("s", 1, (0, 1, 8))
PIXELS = Preprocessing(size=(4, 6))


def read(path: Path, *ports: Port, **wanted: object) -> list[dict[str, np.ndarray]]:
    return [dict(frame) for frame in read_frames(path, ports, FrameRequest(**wanted))]


def test_arrays_of_streams_side_by_side_and_of_one(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(5, 2, 3, 4, 6)).astype(np.float32)
    np.savez(tmp_path / "two.npz", x=x, n=np.float32(3))
    found = read(tmp_path / "two.npz", IMAGE, NUMBER)
    assert len(found) == 5
    np.testing.assert_array_equal(found[3]["x"], x[3])
    assert found[3]["n"] == 3
    np.save(tmp_path / "one.npy", x[:, 0])
    found = read(tmp_path / "one.npy", IMAGE, every=2, limit=2)
    assert [frame["x"].shape for frame in found] == [(1, 3, 4, 6)] * 2
    np.testing.assert_array_equal(found[1]["x"], x[2, :1])


def test_a_folder_of_images(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for index in range(3):
        image.fromarray(np.full((4, 6, 3), 50 * index, np.uint8)).save(tmp_path / f"{index}.png")
    found = read(tmp_path, IMAGE, preprocessing=PIXELS)
    assert [float(frame["x"].mean()) for frame in found] == pytest.approx([0, 50 / 255, 100 / 255])
    assert found[0]["x"].shape == (1, 3, 4, 6)


def test_a_video(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        for index in range(6):
            picture = av.VideoFrame.from_ndarray(np.full((16, 32, 3), 40 * index, np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    found = read(tmp_path / "clip.mp4", IMAGE, preprocessing=PIXELS, every=2)
    assert [frame["x"].shape for frame in found] == [(1, 3, 4, 6)] * 3
    assert [float(frame["x"].mean()) for frame in found] == pytest.approx([0, 80 / 255, 160 / 255], abs=0.03)
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 16000
        container.mux([*stream.encode(sound), *stream.encode()])
    with pytest.raises(InputError, match="holds no pictures, only sound or text: give a video"):
        read(tmp_path / "sound.mp4", IMAGE, preprocessing=PIXELS)
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"the video .* cannot be read"):
        read(tmp_path / "bad.mp4", IMAGE)


def test_a_sound_in_overlapping_windows(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    wave = np.linspace(-0.5, 0.5, 20, dtype=np.float32)
    soundfile.write(tmp_path / "a.wav", np.stack([wave, wave], 1), 16000, subtype="FLOAT")
    found = read(tmp_path / "a.wav", SOUND, rate=16000)
    assert [frame["s"].shape for frame in found] == [(1, 1, 8)] * 4
    np.testing.assert_allclose(found[2]["s"][0, 0], wave[8:16], atol=1e-6)
    found = read(tmp_path / "a.wav", Port("s", 1, (0, 0)), window=10, hop=10)
    assert [frame["s"].shape for frame in found] == [(1, 10)] * 2
    for wanted, port, sentence in (
        ({"rate": 8000}, SOUND, "has 16000 samples a second, not 8000: resample it"),
        ({"window": 30}, SOUND, "has 20 samples, a window takes 30"),
        ({}, Port("s", 1, (0, 0)), r"takes windows of any length: say of which, in samples \(--window\)"),
    ):
        with pytest.raises(InputError, match=sentence):
            read(tmp_path / "a.wav", port, **wanted)


def test_what_holds_no_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("no")
    (tmp_path / "a.mp4").write_text("no")
    np.savez(tmp_path / "a.npz", x=np.zeros((3, 4, 6), np.float32), z=np.zeros(3))
    np.savez(tmp_path / "b.npz", x=np.zeros((3, 4, 6), np.float32))
    np.savez(tmp_path / "c.npz", x=np.zeros((5, 1, 3, 4, 6), np.float32), s=np.zeros((4, 1, 1, 8), np.float32))
    for name, ports, sentence in (
        ("none.mp4", [IMAGE], "there is no file or folder"),
        ("a.txt", [IMAGE], "holds no frames: give a folder of images, or a file of .mp4"),
        ("a.mp4", [IMAGE, NUMBER], "the network has the inputs x, n: give their frames as arrays"),
        ("b.npz", [IMAGE], r"holds no frames \(x \(3, 4, 6\)\): give x \[frames, samples, 3, 4, 6\]"),
        ("c.npz", [IMAGE, SOUND], r"unlike numbers of frames \(5 of x, 4 of s\): give as many of each input"),
    ):
        with pytest.raises(InputError, match=sentence):
            read(tmp_path / name, *ports)
    with pytest.raises(InputError, match="every is 0: give 1 or more"):
        FrameRequest(every=0)
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(InputError, match=r"read with PyAV, which is absent: pip install 'onnx2snn\[stream\]'"):
        read(tmp_path / "a.mp4", IMAGE)
