"""Sounds made up to train and test on: two tones in noise, their loudness varying by a factor of a hundred."""

import math

import numpy as np

SAMPLES, RATE, CLASSES = 1024, 2048, 10


def tones(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return `count` sounds [count, 1, 1, SAMPLES] and their classes: intervals in whole tones."""
    draw = np.random.default_rng(seed)
    label = draw.integers(0, CLASSES, count)
    low = draw.uniform(150, 280, (count, 1))
    high = low * 2 ** ((2 + label[:, None]) / 6)
    time = np.arange(SAMPLES) / RATE
    phase = draw.uniform(0, 2 * math.pi, (2, count, 1))
    sound = np.sin(2 * math.pi * low * time + phase[0]) + draw.uniform(0.3, 1, (count, 1)) * np.sin(
        2 * math.pi * high * time + phase[1]
    )
    sound = (sound + 0.02 * draw.normal(size=sound.shape)) * 10 ** draw.uniform(-2, 0, (count, 1)) / 2
    return sound[:, None, None].astype(np.float32), label.astype(np.int64)
