"""A classifier of sounds, with the logarithm of a mel spectrogram inside: intervals of two tones in noise.

The loudness of the sounds varies by a factor of a hundred, and so the power spectrum by one of a hundred thousand and
more before the logarithm.
"""

import warnings

import torch
from torch import nn

from models import networks
from models.recipe import Recipe
from models.sounds import CLASSES, RATE


def bands(count: int, frame: int, lowest: float = 120.0) -> torch.Tensor:
    """Return triangular filters `[frame // 2 + 1, count]`, centred in equal steps of pitch from `lowest` Hz up."""
    bins = torch.arange(frame // 2 + 1) * RATE / frame
    steps = torch.arange(-1, count + 1) / (count - 1)
    centre = lowest * (0.45 * RATE / lowest) ** steps
    rising = (bins[:, None] - centre[:-2]) / (centre[1:-1] - centre[:-2])
    falling = (centre[2:] - bins[:, None]) / (centre[2:] - centre[1:-1])
    return torch.minimum(rising, falling).clamp(min=0)


class MelSpectrogram(nn.Module):
    """`log(bands(|STFT|^2) + floor)` of overlapping frames under a Hann window."""

    def __init__(self, frame: int = 256, hop: int = 64, count: int = 64, floor: float = 1e-3):
        super().__init__()
        self.frame, self.hop, self.floor = frame, hop, floor
        self.register_buffer("window", torch.hann_window(frame))
        self.register_buffer("bands", bands(count, frame))

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        """Map `[batch, samples]` to `[batch, frames, count]`."""
        with warnings.catch_warnings():
            # The exporter knows no complex numbers.
            warnings.filterwarnings("ignore", "stft with return_complex=False is deprecated", UserWarning)
            spectrum = torch.stft(sound, self.frame, self.hop, window=self.window, center=False, return_complex=False)
        power = spectrum.pow(2).sum(-1)
        return torch.log(power.transpose(1, 2) @ self.bands + self.floor)


class ToneClassifier(nn.Module):
    """A spectrogram, convolutions along the pitch, the mean over time, and a classifier.

    Args:
        width: channels of the convolutions.
        hidden: width of the classifier's hidden layer.
        classes: number of classes.
    """

    def __init__(self, width: int = 12, hidden: int = 64, classes: int = CLASSES):
        super().__init__()
        self.spectrogram = MelSpectrogram()
        self.features = nn.Sequential(
            nn.Conv2d(1, width, (1, 5), stride=(1, 2), padding=(0, 2)), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, (3, 5), stride=(1, 2), padding=(1, 2)), nn.BatchNorm2d(width), nn.ReLU(),
        )  # fmt: skip
        self.classifier = nn.Sequential(nn.Linear(16 * width, hidden), nn.ReLU(), nn.Linear(hidden, classes))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map sounds `[batch, 1, 1, samples]` to logits `[batch, classes]`."""
        x = self.features(self.spectrogram(image[:, 0, 0])[:, None])
        return self.classifier(x.mean(2).flatten(1))


@networks.register("tones_spectrogram")
def tones_spectrogram() -> Recipe:
    """Return the recipe for the made-up sounds."""
    return Recipe(ToneClassifier, "tones", epochs=15, target=0.95, augmentation=0.0)
