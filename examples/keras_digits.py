# %% [markdown]
# # A Keras network
#
# Keras networks go through tf2onnx. TensorFlow brings versions of its own of many packages: where pip finds no common
# ones, export in one environment and convert in another; an ONNX file is all that goes between them.
#
#     pip install . scikit-learn tensorflow-cpu tf2onnx

# %%
import keras
import numpy as np
import tensorflow as tf
import tf2onnx
from keras import layers
from sklearn.datasets import load_digits

digits = load_digits()
image = (digits.images[..., None] / 16).astype(np.float32)  # [1797, 8, 8, 1]: channels last
label = digits.target
train, test = slice(0, 1400), slice(1400, None)

# %%
keras.utils.set_random_seed(0)
inputs = keras.Input((8, 8, 1), name="image")
x = layers.Conv2D(16, 3, padding="same", use_bias=False)(inputs)
x = layers.Activation("swish")(layers.BatchNormalization()(x))
x = layers.DepthwiseConv2D(3, padding="same")(x)
x = layers.Flatten()(layers.MaxPooling2D(2)(layers.ReLU(6.0)(x)))
net = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
net.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
net.fit(image[train], label[train], batch_size=48, epochs=12, verbose=0)

# %% [markdown]
# Export a function with a signature: its name is the name of the input in the file.

# %%
signature = [tf.TensorSpec((None, 8, 8, 1), tf.float32, name="image")]
function = tf.function(lambda image: {"scores": net(image, training=False)}, input_signature=signature)
tf2onnx.convert.from_function(function, signature, opset=17, output_path="digits.onnx")

# %% [markdown]
# The file is full of transpositions, between channels last and channels first. They are synapses, and cost nothing.

# %%
import onnx2snn

snn = onnx2snn.convert("digits.onnx", calibration=image[train][:64])
snn.save("digits.snn.onnx", force=True)
scores = snn(image[test], timesteps=2)
plain = net.predict(image[test], verbose=0)
print(f"accuracy {np.mean(scores.argmax(1) == label[test]):.1%}, plain {np.mean(plain.argmax(1) == label[test]):.1%}")
print(f"agreement {np.mean(scores.argmax(1) == plain.argmax(1)):.1%}")
