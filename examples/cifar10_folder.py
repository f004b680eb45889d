"""Trains a small residual network on CIFAR-10 as a folder of images, exports it, converts it, evaluates it.

    python examples/cifar10_folder.py FOLDER --epochs 30

FOLDER holds train/ and test/ with a folder of PNG or JPEG files for each class, as `cifar2png` and the archives of
Kaggle have them; any other images of one size do as well. Needs `pip install . pillow`.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

import onnx2snn

MEAN, DEVIATION = np.float32([0.491, 0.482, 0.447]), np.float32([0.247, 0.243, 0.262])


def read(folder: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return images [samples, 3, height, width], normalised, their classes as numbers, and the names of the classes."""
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    files = [(path, label) for label, name in enumerate(names) for path in sorted((folder / name).iterdir())]
    pixels = np.stack([np.asarray(Image.open(path).convert("RGB")) for path, _ in files])
    images = (pixels / np.float32(255) - MEAN) / DEVIATION
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)), np.array([label for _, label in files]), names


class Block(nn.Module):
    """Two convolutions and what came in, added."""

    def __init__(self, inner: int, outer: int, stride: int):
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(inner, outer, 3, stride, 1, bias=False), nn.BatchNorm2d(outer), nn.ReLU(),
            nn.Conv2d(outer, outer, 3, 1, 1, bias=False), nn.BatchNorm2d(outer),
        )  # fmt: skip
        self.skip = nn.Conv2d(inner, outer, 1, stride) if stride > 1 or inner != outer else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, inner, h, w] to [batch, outer, h / stride, w / stride]."""
        return torch.relu(self.first(x) + self.skip(x))


def network(classes: int, width: int) -> nn.Module:
    """Return a residual network of three blocks."""
    return nn.Sequential(
        nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        Block(width, width, 1), Block(width, 2 * width, 2), Block(2 * width, 4 * width, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, classes),
    )  # fmt: skip


def train(net: nn.Module, images: np.ndarray, labels: np.ndarray, epochs: int, device: str) -> None:
    """Train in place: SGD with momentum, a rate that falls as a cosine, mirrored images."""
    net.to(device).train()
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    optimizer = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(128):
            image = x[batch].flip(-1) if torch.rand(()) < 0.5 else x[batch]
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(image.to(device)), y[batch].to(device)).backward()
            optimizer.step()
        schedule.step()
    net.cpu().eval()


def main() -> None:
    """Read, train, export, convert, evaluate."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--out", type=Path, default=Path())
    chosen = parser.parse_args()
    torch.manual_seed(0)
    images, labels, names = read(chosen.folder / "train")
    held, held_labels, _ = read(chosen.folder / "test")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    net = network(len(names), chosen.width)
    train(net, images, labels, chosen.epochs, device)
    path = chosen.out / "cifar10.onnx"
    free = {"image": {0: "batch"}}
    torch.onnx.export(
        net, (torch.from_numpy(held[:1]),), str(path), input_names=["image"], dynamic_axes=free, dynamo=False
    )
    order = np.random.default_rng(0).permutation(len(images))[:64]
    snn = onnx2snn.convert(path, calibration=images[order])
    snn.to(device)
    snn.save(chosen.out / "cifar10.snn.onnx", force=True)
    with torch.no_grad():
        plain = np.concatenate([net(part).argmax(1).numpy() for part in torch.from_numpy(held).split(256)])
    run = snn.run(held, timesteps=[1, 2, 4])
    print(f"{len(held)} images of {len(names)} classes; plain network {np.mean(plain == held_labels):.2%}")
    for t, outputs in run.outputs.items():
        found = outputs.argmax(1)
        print(
            f"T={t}: accuracy {np.mean(found == held_labels):.2%}, agreement {np.mean(found == plain):.2%}, "
            f"{run.events_per_neuron[t]:.2f} spikes a neuron"
        )


if __name__ == "__main__":
    main()
