"""Threads that read the next batches."""

import threading

import pytest

from onnx2snn.data.prefetch import ahead


@pytest.mark.parametrize("readers", [0, 1, 3])
def test_the_order_is_that_of_the_places(readers: int) -> None:
    assert list(ahead(range(20), lambda place: place * place, readers)) == [n * n for n in range(20)]


def test_no_more_is_read_than_a_few_ahead() -> None:
    read: list[int] = []
    found = ahead(range(100), lambda place: read.append(place) or place, 2)  # type: ignore[func-returns-value]
    assert next(found) == 0
    found.close()  # type: ignore[attr-defined]
    assert len(read) <= 4
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("onnx2snn-reader")]


def test_an_error_arrives_as_it_is() -> None:
    def fail(place: int) -> int:
        raise ValueError(f"no {place}")

    with pytest.raises(ValueError, match="no 0"):
        list(ahead(range(5), fail, 2))
