"""Products of two activations, counted by the kernel and by torch."""

import pytest
import torch

from onnx2snn_runtime.kernels import pairs as kernel
from onnx2snn_runtime.kernels.compiling import unavailable
from onnx2snn_runtime.probing.arrivals import products
from onnx2snn_runtime.probing.products import marks, pairs
from tests.runtime.networks import LAYERS, network

pytestmark = pytest.mark.skipif(unavailable("pairs") is not None, reason="there is no C compiler")


def sparse(*shape: int, seed: int) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(-1, 2, shape, generator=draw).double()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
def test_the_kernel_counts_as_torch_does(dtype: torch.dtype, transposed: bool, batch: tuple[int, ...]) -> None:
    (product,) = products(network(LAYERS["product"]).program)
    a, a_before = (sparse(*batch, 5, 7, seed=seed).to(dtype) for seed in (1, 2))
    shape = (*batch, 9, 7) if transposed else (*batch, 7, 9)
    b, b_before = (sparse(*shape, seed=seed).to(dtype) for seed in (3, 4))
    b, b_before = (b.mT, b_before.mT) if transposed else (b, b_before)
    expected = (
        pairs(product.inner, marks(a, a_before), marks(b)).sum()
        + pairs(product.inner, marks(a), marks(b, b_before)).sum()
    )
    assert kernel.fits([a, b], [a_before, b_before])
    assert kernel.run([a, b], [a_before, b_before]).tolist() == [expected]


def test_what_the_kernel_leaves_to_torch() -> None:
    a, b = torch.ones(2, 3, 4), torch.ones(2, 4, 5)
    assert kernel.fits([a, b], [a, b])
    assert not kernel.fits([a, b[0]], [a, b[0]])
    assert not kernel.fits([a, b.double()], [a, b.double()])
    assert not kernel.fits([a.half(), b.half()], [a.half(), b.half()])
    assert not kernel.fits([torch.ones(2, 3, 5000), torch.ones(2, 5000, 2)], [torch.ones(2, 3, 5000)] * 2)
