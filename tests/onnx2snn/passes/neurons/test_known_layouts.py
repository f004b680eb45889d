"""Functions are recognised by what they compute; layouts that do not fit the known ones have no name."""

from onnx2snn.passes.neurons.known_functions import recognise


def test_two_sources_of_different_layouts_have_no_name() -> None:
    assert recognise(lambda x: x[0] * x[1].swapaxes(0, 1), [(3, 4, 5), (4, 3, 5)]) is None


def test_nothing_is_normalised_over_one_value() -> None:
    assert recognise(lambda x: x[0] * 0 + 1, [(4, 8, 1, 1)]) is None
