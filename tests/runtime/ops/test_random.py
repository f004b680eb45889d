"""Random operators: repeatable, seeded, of the distribution they name."""

import pytest
import torch

from onnx2snn_runtime.ops import find_operator

X = torch.full((100, 50), 0.3)
MAKERS = {
    "RandomNormal": lambda f, seed: f(shape=[100, 50], mean=2.0, scale=3.0, seed=seed),
    "RandomNormalLike": lambda f, seed: f(X, mean=2.0, scale=3.0, seed=seed),
    "RandomUniform": lambda f, seed: f(shape=[100, 50], low=1.0, high=3.0, seed=seed),
    "RandomUniformLike": lambda f, seed: f(X, low=1.0, high=3.0, seed=seed),
    "Bernoulli": lambda f, seed: f(X, seed=seed),
    "Multinomial": lambda f, seed: f(torch.tensor([[0.5, 0.25, 0.25]]).log(), sample_size=5000, dtype=7, seed=seed),
    "Dropout": lambda f, seed: f(torch.ones(100, 50), 0.25, 1.0, seed=int(seed))[0],
}
MOMENTS = {
    "RandomNormal": (2.0, 3.0),
    "RandomNormalLike": (2.0, 3.0),
    "RandomUniform": (2.0, 3**-0.5),
    "RandomUniformLike": (2.0, 3**-0.5),
    "Bernoulli": (0.3, 0.21**0.5),
    "Multinomial": (0.75, 0.6875**0.5),
    "Dropout": (1.0, (1 / 3) ** 0.5),
}


@pytest.mark.parametrize("name", MAKERS)
def test_moments_and_seed(name: str) -> None:
    function = find_operator(name, 22).function
    first, again, other = (MAKERS[name](function, seed) for seed in (1.0, 1.0, 2.0))
    mean, deviation = MOMENTS[name]
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert abs(first.double().mean() - mean) < 0.1
    assert abs(first.double().std() - deviation) < 0.1


def test_dropout_at_inference_is_the_identity() -> None:
    y, mask = find_operator("Dropout", 13).function(X, 0.9)
    assert y is X
    assert mask.all()
