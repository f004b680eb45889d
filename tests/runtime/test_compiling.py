"""torch.export says in one sentence why it cannot; torch.compile gives the same results."""

import pytest
import torch

from onnx2snn_runtime.errors import UnsupportedError
from tests.runtime.networks import MLP, network


def test_exporting_says_why_it_cannot() -> None:
    with pytest.raises(UnsupportedError, match=r"no single graph .* write it with onnx2snn export --to torch"):
        torch.export.export(network(MLP), (torch.zeros(2, 4),), strict=False)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_compiled_network_gives_the_same() -> None:
    snn, x = network(MLP), torch.randn(3, 4)
    assert torch.equal(torch.compile(snn, backend="eager")(x, timesteps=3), snn(x, timesteps=3))
