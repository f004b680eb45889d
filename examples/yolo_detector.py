# %% [markdown]
# # A YOLO detector
#
# A YOLOv8n as its exporter wrote it: the file is converted unedited, with its SiLU, its resizing, and the decoding of
# the boxes at its end. The package nudenet carries one that finds faces and people; a file that ultralytics exports
# (`yolo export model=yolov8n.pt format=onnx`) is used in the same way.
#
#     pip install . scikit-image && pip install --no-deps nudenet

# %%
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from skimage import data, transform

(folder,) = find_spec("nudenet").submodule_search_locations
model = Path(folder) / "320n.onnx"


def prepared(picture: np.ndarray) -> np.ndarray:
    """Return an RGB picture as the network takes it, [3, 320, 320] from 0 to 1."""
    return transform.resize(picture, (320, 320), anti_aliasing=True).transpose(2, 0, 1).astype(np.float32)


astronaut = data.astronaut()
images = np.stack([prepared(astronaut), prepared(astronaut[:300, 80:380])])
others = [astronaut[:, ::-1], astronaut[20:320, 100:400][:, ::-1], data.cat(), data.coffee(), astronaut[100:]]
calibration = np.stack([prepared(picture) for picture in others])

# %% [markdown]
# Height and width are free in the file; the samples say which size is meant.

# %%
import onnx2snn

snn = onnx2snn.convert(str(model), calibration=calibration, budget=30)
print(f"{snn.conversion.populations} populations, T={snn.defaults.timesteps}")

# %% [markdown]
# The output is what the file says: for every place a box (centre, width, height) and a score for each class. The choice
# among overlapping boxes stays outside the network, as it does with the plain file.


# %%
def boxes(output: np.ndarray, threshold: float = 0.3, overlap: float = 0.45) -> list[tuple[np.ndarray, float, int]]:
    """Return the boxes [x1, y1, x2, y2] of one picture with score and class, from the output [4 + classes, places]."""
    centres, scores = output[:4].T, output[4:].T
    corners = np.concatenate([centres[:, :2] - centres[:, 2:] / 2, centres[:, :2] + centres[:, 2:] / 2], 1)
    kept: list[int] = []
    for i in np.argsort(-scores.max(1)):
        if scores[i].max() > threshold and all(iou(corners[i], corners[j]) < overlap for j in kept):
            kept.append(i)
    return [(corners[i], float(scores[i].max()), int(scores[i].argmax())) for i in kept]


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Return the intersection of two boxes over their union."""
    common = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    return float(common / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - common))


# %% [markdown]
# The plain network beside it is the same file, run by onnxruntime.

# %%
import onnxruntime

session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
plain = session.run(None, {session.get_inputs()[0].name: images})[0]
spiking = snn(images)
for number, (ours, theirs) in enumerate(zip(spiking, plain, strict=True)):
    for (box, score, kind), (other, other_score, _) in zip(boxes(ours), boxes(theirs), strict=True):
        print(
            f"picture {number}: class {kind}, score {score:.2f} (plain {other_score:.2f}), "
            f"box {box.round().astype(int).tolist()}, IoU with the plain one {iou(box, other):.3f}"
        )
