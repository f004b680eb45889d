"""Energies of operations, by the constants of Horowitz and by others."""

from pathlib import Path

import pytest

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.probing.energy import HOROWITZ, Arithmetic, EnergyProfile, energy, read_profile
from onnx2snn_runtime.probing.operations import LayerOperations, Operations


def operations(steps: int, **counts: float) -> Operations:
    """Return the operations of two samples in a network of 10 neurons and one layer."""
    return Operations(2, steps, 10, 0, 0, 0, (LayerOperations("l", "Gemm", "synapse", **counts),))


def test_the_constants_are_those_of_the_paper() -> None:
    assert [round(each.mac, 9) for each in (HOROWITZ.fp32, HOROWITZ.fp16, HOROWITZ.int8)] == [4.6, 1.5, 0.3]
    assert [each.add for each in (HOROWITZ.fp32, HOROWITZ.fp16, HOROWITZ.int8)] == [0.9, 0.4, 0.1]


def test_energies_by_hand() -> None:
    run = operations(8, effective_acs=10, effective_macs=30, products=4, shift_adds=100, multiplications=6)
    plain = operations(2, effective_macs=50, products=2, multiplications=52, dense_once=80)
    found = energy(run, plain, HOROWITZ.int8)
    assert found.ann == pytest.approx(80 * 0.3 / 2)
    assert found.ann_effective == pytest.approx(52 * 0.3 / 2)
    assert found.shift_adds == pytest.approx((100 * 0.1 + 6 * 0.3) / 2)
    assert found.strict == pytest.approx((10 * 0.1 + 34 * 0.3) / 2)
    assert found.ratio == pytest.approx(found.shift_adds / 12)
    assert found.strict_ratio == pytest.approx(found.strict / 12)
    assert found.effective_ratio == pytest.approx(found.shift_adds / 7.8)


def test_evaluations_cost_what_a_profile_says() -> None:
    run, plain = operations(8, shift_adds=1), operations(2, dense_once=1)
    bare, full = (energy(run, plain, Arithmetic(1, 1), cost) for cost in (0.0, 0.25))
    assert full.shift_adds - bare.shift_adds == 10 * 8 * 0.25 / 2
    assert full.ann - bare.ann == 10 * 2 * 0.25 / 2


def test_a_network_without_weights_has_no_ratio() -> None:
    found = energy(operations(8), operations(2), HOROWITZ.fp32)
    assert (found.ratio, found.strict_ratio, found.effective_ratio) == (None, None, None)


def test_profiles_from_files(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("evaluation = 2\n[int8]\nmultiply = 0.07")
    (tmp_path / "b.json").write_text('{"name": "mine", "fp16": {"add": 0.3, "multiply": 1}}')
    assert read_profile(tmp_path / "a.toml") == EnergyProfile("a.toml", int8=Arithmetic(0.07, 0.1), evaluation=2.0)
    assert read_profile(tmp_path / "b.json") == EnergyProfile("mine", fp16=Arithmetic(1.0, 0.3))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "is no TOML or JSON"),
        ("fp64 = 1", "there is no energy 'fp64' .*: there are name, fp32, fp16, int8, evaluation"),
        ("fp32 = 1", "'fp32' in .* is no table: give multiply and add, in pJ"),
        ("[fp32]\nmac = 1", "there is no energy 'mac' .*: there are multiply, add"),
        ("[fp32]\nadd = -1", "the energy 'add' in .* is -1: give pJ, a number of 0 or more"),
        ("[fp32]\nadd = true", "the energy 'add' in .* is True"),
        ("evaluation = inf", "the energy 'evaluation' in .* is inf"),
    ],
)
def test_profiles_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_profile(tmp_path / "a.toml")


def test_profiles_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_profile(tmp_path / "none.toml")
    (tmp_path / "a.toml").write_bytes(b"\xff")
    with pytest.raises(InputError, match="is no TOML or JSON"):
        read_profile(tmp_path / "a.toml")
    (tmp_path / "a.json").write_text("[1]")
    with pytest.raises(InputError, match="holds no table"):
        read_profile(tmp_path / "a.json")
