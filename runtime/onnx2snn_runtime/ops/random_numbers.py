"""Random numbers from seeded generators: the same node gives the same numbers, on one kind of device."""

import torch
from torch import Tensor

from onnx2snn_runtime.ops import Declared, operator
from onnx2snn_runtime.ops.cast import torch_dtype

OPERATORS: Declared = {
    "Bernoulli Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike": {"random": True},
}


def generator(seed: float | None, device: torch.device) -> torch.Generator:
    """Return a generator seeded with a node's seed, 0 where it has none: a run can be repeated."""
    return torch.Generator(device).manual_seed(int(seed or 0))


def _uniform(shape: torch.Size | list[int], seed: float | None, device: torch.device) -> Tensor:
    return torch.rand(shape, generator=generator(seed, device), device=device)


@operator("RandomNormal")
def random_normal(
    *, shape: list[int], dtype: int = 1, mean: float = 0.0, scale: float = 1.0, seed: float | None = None
) -> Tensor:
    """y = normal numbers of `mean` and deviation `scale`, on the host."""
    device = torch.device("cpu")
    y = torch.randn(shape, generator=generator(seed, device))
    return (mean + scale * y).to(torch_dtype(dtype, "RandomNormal"))


@operator("RandomNormalLike")
def random_normal_like(
    x: Tensor, *, dtype: int | None = None, mean: float = 0.0, scale: float = 1.0, seed: float | None = None
) -> Tensor:
    """y = normal numbers of `mean` and deviation `scale`, shaped like x."""
    y = torch.randn(x.shape, generator=generator(seed, x.device), device=x.device)
    return (mean + scale * y).to(x.dtype if dtype is None else torch_dtype(dtype, "RandomNormalLike"))


@operator("RandomUniform")
def random_uniform(
    *, shape: list[int], dtype: int = 1, high: float = 1.0, low: float = 0.0, seed: float | None = None
) -> Tensor:
    """y = numbers spread evenly over [low, high), on the host."""
    y = low + (high - low) * _uniform(shape, seed, torch.device("cpu"))
    return y.to(torch_dtype(dtype, "RandomUniform"))


@operator("RandomUniformLike")
def random_uniform_like(
    x: Tensor, *, dtype: int | None = None, high: float = 1.0, low: float = 0.0, seed: float | None = None
) -> Tensor:
    """y = numbers spread evenly over [low, high), shaped like x."""
    y = low + (high - low) * _uniform(x.shape, seed, x.device)
    return y.to(x.dtype if dtype is None else torch_dtype(dtype, "RandomUniformLike"))


@operator("Bernoulli")
def bernoulli(x: Tensor, *, dtype: int | None = None, seed: float | None = None) -> Tensor:
    """y = 1 with probability x, else 0."""
    y = _uniform(x.shape, seed, x.device) < x
    return y.to(x.dtype if dtype is None else torch_dtype(dtype, "Bernoulli"))


@operator("Multinomial")
def multinomial(x: Tensor, *, dtype: int = 6, sample_size: int = 1, seed: float | None = None) -> Tensor:
    """y (N, sample_size) = classes drawn with the unnormalized log-probabilities x (N, C)."""
    y = torch.multinomial(torch.softmax(x.float(), 1), sample_size, True, generator=generator(seed, x.device))
    return y.to(torch_dtype(dtype, "Multinomial"))
