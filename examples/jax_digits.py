# %% [markdown]
# # A JAX network
#
# A network of Flax NNX goes through jax2onnx, which asks for packages that it does not need; leave them out.
#
#     pip install . scikit-learn jax flax optax onnxscript && pip install --no-deps jax2onnx

# %%
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax2onnx import to_onnx
from sklearn.datasets import load_digits

digits = load_digits()
rows = (digits.images / 16).astype(np.float32)  # [1797, 8, 8]: eight rows of eight pixels
label = digits.target
train, test = slice(0, 1400), slice(1400, None)


# %% [markdown]
# A small transformer: attention between the rows of an image, layer normalisation, GELU.


# %%
class Rows(nnx.Module):
    """A transformer of one layer over the rows of an image."""

    def __init__(self, rngs: nnx.Rngs, width: int = 24):
        self.embed = nnx.Linear(8, width, rngs=rngs)
        self.first, self.second = nnx.LayerNorm(width, rngs=rngs), nnx.LayerNorm(width, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(4, width, decode=False, rngs=rngs)
        self.wide, self.narrow = nnx.Linear(width, 2 * width, rngs=rngs), nnx.Linear(2 * width, width, rngs=rngs)
        self.last = nnx.Linear(8 * width, 10, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map rows [batch, 8, 8] to logits [batch, 10]."""
        x = self.embed(x)
        y = self.first(x)
        x = x + self.attention(y, y, y)
        x = x + self.narrow(nnx.gelu(self.wide(self.second(x))))
        return self.last(x.reshape(x.shape[0], -1))


# %%
net = Rows(nnx.Rngs(0))
optimizer = nnx.Optimizer(net, optax.adam(3e-3), wrt=nnx.Param)


@nnx.jit
def step(net: Rows, optimizer: nnx.Optimizer, x: jax.Array, y: jax.Array) -> None:
    """Make one step of Adam."""
    loss = lambda net: optax.softmax_cross_entropy_with_integer_labels(net(x), y).mean()  # noqa: E731
    optimizer.update(net, nnx.grad(loss)(net))


generator = np.random.default_rng(0)
for _ in range(20):
    for batch in np.split(generator.permutation(1400), range(56, 1400, 56)):
        step(net, optimizer, jnp.asarray(rows[train][batch]), jnp.asarray(label[train][batch]))

# %% [markdown]
# A letter as the first size makes an axis of any length of it: the batch.

# %%
proto = to_onnx(net, [("B", 8, 8)], input_names=["rows"])

# %%
import onnx2snn

snn = onnx2snn.convert(proto, calibration=rows[train][:64])
logits = snn(rows[test], timesteps=2)
plain = np.asarray(net(jnp.asarray(rows[test])))
print(f"accuracy {np.mean(logits.argmax(1) == label[test]):.1%}, plain {np.mean(plain.argmax(1) == label[test]):.1%}")
print(f"agreement {np.mean(logits.argmax(1) == plain.argmax(1)):.1%}")
