"""Frames that come one after the other: of a video, a folder of images, a sound, or arrays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from onnx2snn.data.arrays import read_npy, read_npz
from onnx2snn.data.folders import list_images
from onnx2snn.data.images import Preprocessing, prepare, read_image
from onnx2snn_runtime.errors import InputError, Stage
from onnx2snn_runtime.program.ports import Port

VIDEO = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".gif", ".mpg", ".mpeg", ".m4v")
SOUND = (".wav", ".flac", ".ogg", ".mp3", ".aiff")
ARRAYS = (".npz", ".npy")
Frame = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class FrameRequest:
    """How frames are made: `limit` of them, each `every` of a video or folder, images by `preprocessing`.

    A sound is cut into windows of `window` samples (by default what the model takes), each `hop` samples (half a
    window) behind the one before; where `rate` is given, it has to be that of the sound.
    """

    limit: int | None = None
    every: int = 1
    window: int | None = None
    hop: int | None = None
    rate: int | None = None
    preprocessing: Preprocessing = field(default_factory=Preprocessing)

    def __post_init__(self) -> None:
        for name in ("limit", "every", "window", "hop", "rate"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} is {value}: give 1 or more")


def read_frames(path: Path, ports: Sequence[Port], request: FrameRequest) -> Iterator[Frame]:
    """Yield the frames in `path` for a network with the inputs `ports`, each a dictionary by input name.

    A video, a sound or a folder of images is one stream, of the only input. Arrays, an .npz by input name or an .npy,
    are [frames, samples, ...], streams side by side; or [frames, ...], one stream. What does not fit raises InputError.
    """
    suffix = path.suffix.lower()
    if not path.exists():
        raise InputError(f"there is no file or folder {str(path)!r}: check the path of the input")
    if suffix in ARRAYS:
        made = _of_arrays(path, ports, request)
    else:
        if len(ports) != 1:
            names = ", ".join(port.name for port in ports)
            raise InputError(f"the network has the inputs {names}: give their frames as arrays, an .npz by input name")
        if suffix in SOUND:
            made = _named(ports[0], windows(*_sound(path, request), ports[0], request, str(path)))
        elif path.is_dir():
            made = _named(ports[0], _folder(path, request))
        elif suffix in VIDEO:
            made = _named(ports[0], _video(path, request))
        else:
            kinds = ", ".join((*VIDEO, *SOUND, *ARRAYS))
            raise InputError(f"{str(path)!r} holds no frames: give a folder of images, or a file of {kinds}")
    for index, frame in enumerate(made):
        if request.limit is not None and index >= request.limit:
            return
        yield frame


def _named(port: Port, values: Iterator[np.ndarray]) -> Iterator[Frame]:
    for value in values:
        yield {port.name: value[None] if port.axis is not None or port.single else value}


def _of_arrays(path: Path, ports: Sequence[Port], request: FrameRequest) -> Iterator[Frame]:
    names = [port.name for port in ports]
    with Stage(f"reading {str(path)!r}", InputError):
        held = dict(read_npz(path, names)) if path.suffix.lower() == ".npz" else dict(read_npy(path, names))
    missing = [name for name in names if name not in held]
    if missing:
        raise InputError(f"{str(path)!r} has no array {missing[0]!r}: it has {', '.join(held)}")
    moving = {port.name: _lead(port, held[port.name]) for port in ports}
    lengths = {name: len(held[name]) for name, lead in moving.items() if lead is not None}
    if not lengths:
        shapes = ", ".join(f"{port.name} {held[port.name].shape}" for port in ports)
        wanted = ", ".join(f"{port.name} [frames{_axes(port)}]" for port in ports)
        raise InputError(f"{str(path)!r} holds no frames ({shapes}): give {wanted}")
    if len(set(lengths.values())) != 1:
        counts = ", ".join(f"{count} of {name}" for name, count in lengths.items())
        raise InputError(f"{str(path)!r} holds unlike numbers of frames ({counts}): give as many of each input")
    for t in range(0, min(lengths.values()), request.every):
        frame = {}
        for name, lead in moving.items():
            value = held[name]
            frame[name] = value if lead is None else value[t][None] if lead else value[t]
        yield frame


def _axes(port: Port) -> str:
    sizes = port.shape or ()
    names = ["samples" if axis == port.axis else str(size or "any") for axis, size in enumerate(sizes)]
    return "".join(f", {name}" for name in names)


def _lead(port: Port, value: np.ndarray) -> bool | None:
    """Return whether a frame of `value` lacks the axis of samples; None where it does not move."""
    rank = value.ndim if port.shape is None else len(port.shape)
    if value.ndim == rank + 1:
        return False
    return True if value.ndim == rank and port.axis == 0 else None


def _folder(path: Path, request: FrameRequest) -> Iterator[np.ndarray]:
    files, _ = list_images(path)
    for file in files[:: request.every]:
        yield read_image(file, request.preprocessing)


def _video(path: Path, request: FrameRequest) -> Iterator[np.ndarray]:
    av = _need("av", "videos are read with PyAV")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise InputError(f"{str(path)!r} holds no pictures, only sound or text: give a video")
            for index, frame in enumerate(container.decode(video=0)):
                if index % request.every == 0:
                    yield prepare(frame.to_image(), request.preprocessing)
    except av.FFmpegError as error:
        raise InputError(f"the video {str(path)!r} cannot be read ({error}): give another file") from error


def _sound(path: Path, request: FrameRequest) -> tuple[np.ndarray, int]:
    """Return the sound in a file, its channels averaged, float32 [samples], and its rate."""
    soundfile = _need("soundfile", "sounds are read with soundfile")
    try:
        value, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise InputError(f"the sound {str(path)!r} cannot be read ({error}): give another file") from error
    if request.rate is not None and rate != request.rate:
        raise InputError(f"the sound {str(path)!r} has {rate} samples a second, not {request.rate}: resample it")
    return value.mean(1), rate


def windows(sound: np.ndarray, rate: int, port: Port, request: FrameRequest, where: str) -> Iterator[np.ndarray]:
    """Yield overlapping windows of `sound` [samples] in the shape that the input `port` takes, without its samples."""
    shape = tuple(port.shape or ())[(port.axis is not None) :]
    length = request.window or (shape[-1] if shape else 0)
    if not length:
        raise InputError(f"the input {port.name!r} takes windows of any length: say of which, in samples (--window)")
    hop = request.hop or max(1, length // 2)
    if len(sound) < length:
        raise InputError(f"the sound {where!r} has {len(sound)} samples, a window takes {length}: give a longer one")
    for start in range(0, len(sound) - length + 1, hop):
        yield sound[start : start + length].reshape(*[1] * max(0, len(shape) - 1), length)


def _need(name: str, what: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise InputError(f"{what}, which is absent: pip install 'onnx2snn[stream]'") from error
