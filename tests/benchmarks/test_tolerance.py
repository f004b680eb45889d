"""The table of what adaptation costs beside one setting for all neurons."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import tolerance
from benchmarks.tolerance import Cost


def figures(adapted: Cost, *uniform: Cost, reached: bool = True) -> dict[str, object]:
    return {
        "samples": 8, "reached": reached, "held_back": 0.0071, "adapted": vars(adapted),
        "uniform": [vars(cost) for cost in uniform],
    }  # fmt: skip


def cells(found: dict[str, object]) -> list[str]:
    return [cell.strip() for cell in tolerance.row("net", found).split("|")[1:-1]]


def test_a_row_compares_with_the_cheapest_that_reaches_it() -> None:
    adapted = Cost("adapted", 2, 0.008, 1.1, 1.5)
    usual, finer = Cost("(16, 3)", 2, 0.02, 1.3, 2.0), Cost("(16, 4)", 3, 0.004, 1.6, 3.0)
    made = cells(figures(adapted, usual, finer))
    assert made[2:7] == ["0.71%", "2", "0.80%", "1.10", "1.50"]
    assert made[7:] == ["2.00%", "2.00", "(16, 4), T=3: 3.00", "50%"]
    assert cells(figures(adapted, usual))[-2:] == ["none", ""]
    assert cells(figures(adapted, finer, reached=False))[2] == "not reached (0.71%)"


def test_every_finer_setting_is_a_pair_of_its_own() -> None:
    assert len({tolerance.USUAL, *tolerance.FINER}) == 1 + len(tolerance.FINER)


def test_a_network_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["--out", str(tmp_path), "--networks", "mnist_mlp,magika", "--samples", "16", "--budget", "10"]
    done = CliRunner().invoke(tolerance.main, options)
    assert done.exit_code == 0, done.output
    assert "magika is left out" in done.output
    found = json.loads((tmp_path / "tolerance.json").read_text())["mnist_mlp"]
    assert found["reached"]
    assert found["samples"] == 16
    assert found["adapted"]["shift_adds"] < found["uniform"][0]["shift_adds"]
    monkeypatch.setattr(tolerance, "measure", lambda *_: pytest.fail("measured again"))
    assert CliRunner().invoke(tolerance.main, options).output == done.output
