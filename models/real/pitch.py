"""Tones whose pitch moves, and how far two networks hear the same pitch."""

from dataclasses import dataclass

import numpy as np

RATE = 16_000
NEAR = 20.0
"""Two pitches no further apart than so many cents are the same."""


@dataclass(frozen=True)
class Pitches:
    """Frames that the plain network hears a voice in, and in how many of them the pitch is the same."""

    voiced: int
    same: int

    def __str__(self) -> str:
        return f"pitch within {NEAR:g} cents on {self.same / max(1, self.voiced):.2%} of {self.voiced} voiced frames"


def same_pitch(plain: np.ndarray, spiking: np.ndarray, voiced: np.ndarray) -> Pitches:
    """Compare pitches in Hz, any shape, where `voiced`."""
    cents = np.abs(1200 * np.log2(np.maximum(spiking[voiced], 1e-9) / np.maximum(plain[voiced], 1e-9)))
    return Pitches(int(voiced.sum()), int((cents <= NEAR).sum()))


def tone(generator: np.random.Generator, seconds: float = 1.0) -> np.ndarray:
    """Return a tone of eight harmonics between 80 and 600 Hz, with vibrato and pauses, in a little noise."""
    count = int(seconds * RATE)
    time = np.arange(count) / RATE
    depth, speed = 0.4 * generator.uniform(0, 1), generator.uniform(0.3, 2)
    frequency = generator.uniform(80, 600) * 2 ** (depth * np.sin(2 * np.pi * speed * time))
    phase = 2 * np.pi * np.cumsum(frequency) / RATE
    sound = sum(generator.uniform(0.2, 1) / k * np.sin(k * phase) for k in range(1, 9))
    loud = 0.3 + 0.7 * (np.sin(2 * np.pi * generator.uniform(0.5, 2) * time) > -0.6)
    sound = sound * loud
    noise = generator.normal(0, 0.003, count)
    return (0.5 * sound / np.abs(sound).max() + noise).astype(np.float32)
