"""Systems are compared at the smallest T that is accurate enough; one that is not there is a row that says so."""

import sys

import pytest
import torch

from benchmarks import ann2snn, peers
from benchmarks.equal import Images, smallest, theirs
from benchmarks.speed import alternate


def test_the_search_stops_at_the_first_that_is_enough():
    asked = []

    def found():
        for t, accuracy in ((1, 0.5), (2, 0.92), (3, 0.9), (4, 0.99)):
            asked.append(t)
            yield t, accuracy

    assert smallest(found(), 0.92) == (2, 0.92)
    assert asked == [1, 2]
    assert smallest(found(), 0.995) is None


def test_a_loss_of_half_a_point_is_still_equal():
    assert smallest([(1, 1938 / 2000)], 1948 / 2000 - 0.005) is not None
    assert smallest([(1, 1937 / 2000)], 1948 / 2000 - 0.005) is None


def test_without_the_package_there_is_a_row_that_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "spikingjelly", None)
    assert ann2snn.missing() == "not installed"
    x = torch.zeros(1, 1)
    best, tried = theirs(torch.nn.Identity(), Images(x, torch.zeros(1), 0.9, x))
    assert tried == []
    result = {"network": "net", "ann": 0.98, "systems": [entry.figures() for entry in best]}
    assert peers.lines(result) == ["| net | 98.00 % | SpikingJelly | not installed | - | - | - | - |"]


def test_every_function_runs_in_turn():
    order = []
    first, seconds = alternate({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 2)
    assert order == ["a", "b"] * 3
    assert set(first) == set(seconds) == {"a", "b"}
