"""Makes crops of photographs for EfficientNet-lite0: `python -m models.real.photographs --out DIR`.

The photographs are those that scikit-image and scikit-learn carry in their packages: nothing is downloaded.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from models.export import predict
from models.real.common import need, out_option, save

SIZE = 224
CROPS = 64
CALIBRATION_CROPS = 8
SMALLEST = 0.35
# What EfficientNet-lite0 was trained with, unlike the larger EfficientNets: (pixel - 127) / 128.
MEAN, DEVIATION = 127.0, 128.0

PHOTOGRAPHS: dict[str, Callable[..., np.ndarray]] = {
    "astronaut": lambda data: data.astronaut(),
    "chelsea": lambda data: data.chelsea(),
    "coffee": lambda data: data.coffee(),
    "motorcycle": lambda data: data.stereo_motorcycle()[0],
    "rocket": lambda data: data.rocket(),
}
# The classes of ImageNet that answer a photograph; it has none for an astronaut.
EXPECTED: dict[str, dict[int, str]] = {
    "astronaut": {},
    "chelsea": {281: "tabby", 282: "tiger cat", 285: "Egyptian cat"},
    "coffee": {504: "coffee mug", 967: "espresso", 968: "cup"},
    "motorcycle": {665: "moped", 670: "motor scooter"},
    "rocket": {657: "missile", 744: "projectile", 812: "space shuttle"},
}


def crops(photograph: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Return square crops, half of them mirrored, as the network's input `[count, 3, 224, 224]`.

    The side of a crop is 0.35 to 1 of the photograph's shorter side; its position is anywhere.
    """
    image_module = need("PIL.Image", "pip install pillow")
    height, width = photograph.shape[:2]
    results = []
    for index in range(count):
        side = round(min(height, width) * generator.uniform(SMALLEST, 1.0))
        top, left = generator.integers(height - side + 1), generator.integers(width - side + 1)
        crop = image_module.fromarray(photograph[top : top + side, left : left + side])
        pixels = np.asarray(crop.resize((SIZE, SIZE), image_module.Resampling.BICUBIC), np.float32)
        results.append(pixels[:, ::-1] if index % 2 else pixels)
    return ((np.stack(results) - MEAN) / DEVIATION).transpose(0, 3, 1, 2).astype(np.float32)


def check(model: Path, image: np.ndarray) -> None:
    """Print what the network says of each photograph's crops, and how many answers are among the expected."""
    answers = predict(model, {"image": image}, batch=32).argmax(1).reshape(len(PHOTOGRAPHS), -1)
    for name, classes in zip(PHOTOGRAPHS, answers, strict=True):
        known = EXPECTED[name]
        common = [f"{known.get(int(c), 'class')} {c} x {n}" for c, n in Counter(classes.tolist()).most_common(6)]
        share = f"{100 * np.isin(classes, list(known)).mean():.0f} % as expected" if known else "no class fits"
        print(f"  {name} ({share}): {', '.join(common)}")


@click.command()
@out_option()
def main(out: Path) -> None:
    """Write efficientnet_crops.npz (320 crops of 5 photographs) and efficientnet_calibration.npz (16 of 2 others)."""
    test = need("skimage.data", "pip install scikit-image")
    calibration = need("sklearn.datasets", "pip install scikit-learn")
    generator = np.random.default_rng(0)
    image = np.concatenate([crops(read(test), CROPS, generator) for read in PHOTOGRAPHS.values()])
    save(out / "efficientnet_crops.npz", image=image)
    others = [calibration.load_sample_image(name) for name in ("china.jpg", "flower.jpg")]
    other = np.concatenate([crops(photograph, CALIBRATION_CROPS, generator) for photograph in others])
    save(out / "efficientnet_calibration.npz", image=other)
    model = out / "efficientnet_lite0.onnx"
    if model.exists():
        check(model, image)
    else:
        print("run models.real.efficientnet_lite0 for the same folder first, and the network's answers are shown here")


if __name__ == "__main__":
    main()
