"""Speech that is synthesised by espeak-ng, which the package espeakng-loader carries: nothing is downloaded."""

import ctypes
from collections.abc import Sequence

import numpy as np

from models.real.common import need

RATE = 16_000
SYNCHRONOUS = 2
UTF8 = 1
SENTENCES = (
    ("en", "The quick brown fox jumps over the lazy dog."),
    ("en-us", "It was the best of times, it was the worst of times."),
    ("de", "Guten Morgen, wie geht es Ihnen heute?"),
    ("fr", "Bonjour tout le monde, il fait beau."),
    ("en", "She sells sea shells by the sea shore."),
    ("de", "Wer reitet so spät durch Nacht und Wind?"),
    ("en-us", "How much wood would a woodchuck chuck?"),
    ("es", "Buenos días, hoy hace mucho sol."),
)
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def spoken(sentences: Sequence[tuple[str, str]]) -> list[np.ndarray]:
    """Return sentences, each of a voice and a text, as sounds at 16 kHz."""
    package = need("espeakng_loader", "pip install --no-deps espeakng-loader")
    library = ctypes.CDLL(package.get_library_path())
    rate = library.espeak_Initialize(SYNCHRONOUS, 500, package.get_data_path().encode(), 0)
    parts: list[np.ndarray] = []

    def take(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
        if samples and count > 0:
            parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    callback = _Callback(take)
    library.espeak_SetSynthCallback(callback)
    sounds = []
    for voice, text in sentences:
        parts.clear()
        library.espeak_SetVoiceByName(voice.encode())
        data = text.encode()
        library.espeak_Synth(data, len(data) + 1, 0, 0, 0, UTF8, None, None)
        library.espeak_Synchronize()
        sound = np.concatenate(parts).astype(np.float32) / 32768
        times = np.arange(int(len(sound) * RATE / rate)) * rate / RATE
        sounds.append(np.interp(times, np.arange(len(sound)), sound).astype(np.float32))
    return sounds


def with_pauses(sounds: Sequence[np.ndarray], generator: np.random.Generator) -> np.ndarray:
    """Return the sounds one after another, with pauses of a half to one and a half seconds, in a little noise."""
    parts = []
    for sound in sounds:
        parts += [np.zeros(int(generator.integers(RATE // 2, 3 * RATE // 2)), np.float32), sound]
    whole = np.concatenate(parts)
    return (whole + generator.normal(0, 2e-3, len(whole))).astype(np.float32)
