"""The page of operators is what the code says."""

import pytest

from docs.make_operators import PAGE, kind, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run python -m docs.make_operators"


@pytest.mark.parametrize(
    ("domain", "name", "becomes"),
    [
        ("", "Conv", "synapse: X or W, B"),
        ("", "Add", "synapse: A, B"),
        ("", "Where", "synapse: X, Y"),
        ("", "Gelu", "neuron"),
        ("", "ArgMax", "logic"),
        ("", "Shape", "never"),
        ("", "LSTM", "recurrence"),
        ("", "QLinearConv", "written out"),
        ("", "StringSplit", "refused"),
        ("ai.onnx.ml", "TreeEnsemble", "refused"),
        ("ai.onnx.ml", "Scaler", "neuron"),
        ("com.microsoft", "FusedConv", "written out"),
        ("com.microsoft", "FastGelu", "written out"),
        ("", "RandomNormal", "refused"),
        ("", "LayerNormalization", "neuron"),
    ],
)
def test_kinds(domain: str, name: str, becomes: str) -> None:
    assert kind(domain, name) == becomes


def test_every_operator_has_one_row() -> None:
    for part in page().split("\n## ")[1:]:
        names = [line.split(" | ")[0] for line in part.splitlines() if line.startswith("| ")][1:]
        assert len(names) == len(set(names)) > 0
