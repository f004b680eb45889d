"""Small results of many batches lie in one block, as they were."""

import numpy as np
import torch

from onnx2snn_runtime.batches.result_block import ResultBlock
from tests.runtime.networks import CNN, network, sample


def test_values_are_copied_side_by_side() -> None:
    first = [torch.randn(3, 5), torch.arange(7), torch.zeros(0, 2), torch.tensor(2.5, dtype=torch.float64)]
    block = ResultBlock(first, 2)
    blocks = set()
    for values in (first, [value + 1 for value in first]):
        for value in values:
            copy = block.store(value)
            assert torch.equal(copy, value)
            assert copy.dtype == value.dtype
            if value.numel():
                blocks.add(copy.untyped_storage().data_ptr())
    assert len(blocks) == 1


def test_what_does_not_fit_stays_where_it_is() -> None:
    block = ResultBlock([torch.zeros(2)], 2)
    large = torch.randn(100)
    assert block.store(large) is large
    alone = torch.zeros(2)
    assert ResultBlock([alone], 1).store(alone) is alone


def test_a_run_in_batches_leaves_its_results_together() -> None:
    snn = network(CNN, dyadic=True)
    x = sample(snn, 7, dyadic=True)
    whole, split = snn.run(x, [1, 6], probes=["events"]), snn.run(x, [1, 6], probes=["events"], batch_size=2)
    for t in (1, 6):
        np.testing.assert_array_equal(split.outputs[t], whole.outputs[t])
    assert split.events == whole.events
    assert split.steps_taken.tolist() == [6] * 7
