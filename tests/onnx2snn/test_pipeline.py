"""The order of the passes, where one needs another before it."""

import pytest

from onnx2snn.pipeline import ELEMENTWISE, pipeline

BEFORE = [
    ("check_model", "inline_functions"),
    ("inline_functions", "raise_opset"),
    ("fold_constants", "unroll_recurrence"),
    ("unroll_recurrence", "import_graph"),
    ("import_graph", "fold_batch_normalization"),
    ("split_shared_logic", "write_neurons"),
    ("write_neurons", "export_graph"),
]


@pytest.mark.parametrize(("first", "second"), BEFORE)
def test_one_pass_comes_before_another(first, second):
    names = [rewrite.__name__ for rewrite in pipeline("region")]
    assert names.index(first) < names.index(second)


def test_elementwise_neurons_take_their_own_passes():
    region, elementwise = (pipeline(neurons) for neurons in ("region", "elementwise"))
    assert [p for p in elementwise if p not in region] == list(ELEMENTWISE)
    assert not set(region) - set(elementwise)
