# %% [markdown]
# # A scikit-learn classifier
#
# A pipeline of a scaler and a multilayer perceptron goes through skl2onnx. The scaler becomes a part of the first
# layer, the softmax and the label at the end are computed exactly behind the spikes.
#
#     pip install . scikit-learn skl2onnx

# %%
import numpy as np
from skl2onnx import to_onnx
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pixels, label = load_digits(return_X_y=True)
pixels = pixels.astype(np.float32)  # what ONNX files of scikit-learn take by default
train, test, train_label, test_label = train_test_split(pixels, label, random_state=0)
model = make_pipeline(StandardScaler(), MLPClassifier((48, 32), max_iter=200, random_state=0))
model.fit(train, train_label)

# %% [markdown]
# `zipmap` would make a list of dictionaries of the probabilities, which no network can compute: turn it off.

# %%
proto = to_onnx(model, train[:1], options={"zipmap": False})

# %%
import onnx2snn

snn = onnx2snn.convert(proto, calibration=train[:64])
found = snn(test, timesteps=2)  # two outputs: a dictionary by name
print({name: array.shape for name, array in found.items()})
print(f"accuracy {np.mean(found['label'] == test_label):.1%}, plain {model.score(test, test_label):.1%}")

# %% [markdown]
# Tree ensembles are refused by name: they are comparisons and look-ups, and have no activations that could spike.

# %%
from sklearn.ensemble import RandomForestClassifier

forest = RandomForestClassifier(10, random_state=0).fit(train, train_label)
try:
    onnx2snn.convert(to_onnx(forest, train[:1], options={"zipmap": False}), calibration=train[:64])
except onnx2snn.UnsupportedError as error:
    print(error)
