"""Makes swift_f0.onnx, the pitch of a sound and how sure it is of a voice, and tones: `--out DIR`.

The network is model.onnx of the package swift-f0, as it is there: opset 18, one sound of any length at 16 kHz, and the
pitch range, two numbers without a dimension.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np

from models.real.common import Network, need_file, out_option, save
from models.real.pitch import Pitches, same_pitch, tone

NETWORKS = (Network("swift_f0.onnx", "swift_f0_tones.npz", "swift_f0_calibration.npz"),)
RANGE = {"fmin": np.float32(46.875), "fmax": np.float32(2093.75)}
SURE = 0.5


def measure(plain: Mapping[str, np.ndarray], spiking: Mapping[str, np.ndarray]) -> Pitches:
    """Return how far both networks hear the same pitch, where the plain one is sure of a voice."""
    return same_pitch(plain["pitch"], spiking["pitch"], plain["confidence"] >= SURE)


@click.command()
@out_option()
def main(out: Path) -> None:
    """Write swift_f0.onnx, swift_f0_tones.npz (12 tones of a second) and swift_f0_calibration.npz (16 others)."""
    (network,) = NETWORKS
    shutil.copyfile(need_file("swift_f0", "model.onnx", "pip install --no-deps swift-f0"), out / network.model)
    generator = np.random.default_rng(0)
    save(out / network.calibration, audio=np.stack([tone(generator) for _ in range(16)]), **RANGE)
    save(out / network.test, audio=np.stack([tone(generator) for _ in range(12)]), **RANGE)


if __name__ == "__main__":
    main()
