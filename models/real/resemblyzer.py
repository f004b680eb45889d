"""Makes resemblyzer.onnx, a speaker embedding by three LSTMs over 160 frames, and spectrograms: `--out DIR`.

The weights are pretrained.pt of the package Resemblyzer (Apache-2.0; Wan et al. 2018, GE2E), the network is exported by
PyTorch. Speech is synthesised, see `speech`; spectrograms have the package's settings: 40 mel bands of 25 ms windows,
every 10 ms, at 16 kHz, and a volume of -30 dBFS.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch
from torch import nn

from models.real.common import Network, need_file, out_option, save
from models.real.speech import RATE, SENTENCES, spoken

BANDS, WINDOW, HOP, FRAMES, WIDTH = 40, 400, 160, 160, 256
FILES = ("resemblyzer.onnx", "resemblyzer_speech.npz", "resemblyzer_calibration.npz")
NETWORKS = (Network(*FILES, ()),)
INSTALL = "pip install --no-deps resemblyzer"


class SpeakerEncoder(nn.Module):
    """[samples, frames, 40] mel bands -> [samples, 256], of norm 1."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(BANDS, WIDTH, num_layers=3, batch_first=True)
        self.linear = nn.Linear(WIDTH, WIDTH)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Return the embedding of the last state."""
        _, (hidden, _) = self.lstm(mel)
        raw = torch.relu(self.linear(hidden[-1]))
        return raw / torch.norm(raw, dim=1, keepdim=True)


@dataclass(frozen=True)
class Cosines:
    """Between the embeddings of both networks: the mean cosine and the least."""

    mean: float
    least: float

    def __str__(self) -> str:
        return f"cosine {self.mean:.6f}, least {self.least:.6f}"


def encoder(weights: Path) -> SpeakerEncoder:
    """Return the network with the weights of the package."""
    made, held = SpeakerEncoder().eval(), torch.load(weights, map_location="cpu")["model_state"]
    made.load_state_dict({name: held[name] for name in made.state_dict()})
    return made


def mel(sound: np.ndarray) -> np.ndarray:
    """Return the power of a sound at 16 kHz in 40 mel bands, float32 [frames, 40]."""
    sound = sound * 10 ** (-30 / 20) / max(float(np.sqrt(np.mean(sound**2))), 1e-9)
    starts = range(0, len(sound) - WINDOW, HOP)
    power = np.abs(np.fft.rfft(np.stack([sound[s : s + WINDOW] for s in starts]) * np.hanning(WINDOW))) ** 2
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), BANDS + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(WINDOW, 1 / RATE)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    bank = np.clip(np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)), 0, None)
    return (power @ (bank * 2 / (high - low)).T).astype(np.float32)


def windows(sounds: list[np.ndarray], count: int, generator: np.random.Generator) -> np.ndarray:
    """Return `count` random windows of 160 frames, each of a sound at its own pitch and volume of noise."""
    made = []
    while len(made) < count:
        sound = sounds[int(generator.integers(len(sounds)))]
        places = np.arange(0, len(sound) - 1, generator.uniform(0.8, 1.25))
        changed = np.interp(places, np.arange(len(sound)), sound)
        bands = mel(changed + generator.normal(0, generator.uniform(1e-4, 3e-3), len(changed)))
        if len(bands) > FRAMES:
            start = int(generator.integers(len(bands) - FRAMES))
            made.append(bands[start : start + FRAMES])
    return np.stack(made)


def measure(plain: Mapping[str, np.ndarray], spiking: Mapping[str, np.ndarray]) -> Cosines:
    """Return the cosines between the embeddings of both networks."""
    a, b = plain["embedding"], spiking["embedding"]
    cosines = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return Cosines(float(cosines.mean()), float(cosines.min()))


@click.command()
@out_option()
def main(out: Path) -> None:
    """Write resemblyzer.onnx, resemblyzer_speech.npz (64 windows) and resemblyzer_calibration.npz (32 others)."""
    network, generator = encoder(need_file("resemblyzer", "pretrained.pt", INSTALL)), np.random.default_rng(0)
    torch.onnx.export(
        network,
        (torch.zeros(1, FRAMES, BANDS),),
        str(out / FILES[0]),
        input_names=["mel"],
        output_names=["embedding"],
        dynamic_axes={"mel": {0: "batch"}, "embedding": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    sounds = spoken(SENTENCES)
    save(out / FILES[2], mel=windows(sounds[:4], 32, generator))
    save(out / FILES[1], mel=windows(sounds[4:], 64, generator))


if __name__ == "__main__":
    main()
