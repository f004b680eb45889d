"""Estimates the energy of operations from named constants, for a spiking network and for the plain one.

The default constants are those of a 45 nm process at 0.9 V: M. Horowitz, "Computing's energy problem (and what we can
do about it)", ISSCC 2014, figure 1.1.9. Memory traffic, addresses of spikes and evaluations of a neuron's function are
left out unless a profile says what an evaluation costs.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from onnx2snn_runtime.errors import InputError, first_line
from onnx2snn_runtime.probing.operations import LayerOperations, Operations


@dataclass(frozen=True)
class Arithmetic:
    """Energies of one arithmetic, pJ: a multiplication and an addition; an accumulate or shift-add is an addition."""

    multiply: float
    add: float

    @property
    def mac(self) -> float:
        """A multiply-accumulate, pJ."""
        return self.multiply + self.add


@dataclass(frozen=True)
class EnergyProfile:
    """The constants of a technology: an arithmetic each for the networks compared with, and pJ an evaluation of f.

    int8 stands for products of 8 bits that are added in 32 bits.
    """

    name: str = "45 nm (Horowitz, ISSCC 2014)"
    fp32: Arithmetic = Arithmetic(3.7, 0.9)
    fp16: Arithmetic = Arithmetic(1.1, 0.4)
    int8: Arithmetic = Arithmetic(0.2, 0.1)
    evaluation: float = 0.0


HOROWITZ = EnergyProfile()
ARITHMETICS = {"fp32": 4, "fp16": 2, "int8": 1}
"""The arithmetics that are compared with, and the bytes of a parameter in each."""


@dataclass(frozen=True)
class Energy:
    """Energy a sample beside one arithmetic, pJ.

    ann               dense MACs of the plain network, products of two activations among them
    ann_effective     those of its MACs whose operands are not zero
    shift_adds        the spiking network with an addition for each signed digit of a payload at each weight
    strict            the spiking network by NeuroBench's rule: a MAC for each payload that is not -1, 0 or 1
    ratio, strict_ratio, effective_ratio   shift_adds / ann, strict / ann, shift_adds / ann_effective
    """

    ann: float
    ann_effective: float
    shift_adds: float
    strict: float

    @property
    def ratio(self) -> float | None:
        """shift_adds / ann."""
        return self.shift_adds / self.ann if self.ann else None

    @property
    def strict_ratio(self) -> float | None:
        """strict / ann."""
        return self.strict / self.ann if self.ann else None

    @property
    def effective_ratio(self) -> float | None:
        """shift_adds / ann_effective."""
        return self.shift_adds / self.ann_effective if self.ann_effective else None

    def as_dict(self) -> dict[str, float | None]:
        """Return all of it by name."""
        names = ("ann", "ann_effective", "shift_adds", "strict", "ratio", "strict_ratio", "effective_ratio")
        return {name: getattr(self, name) for name in names}


def energy(run: Operations, plain: Operations, arithmetic: Arithmetic, evaluation: float = 0.0) -> Energy:
    """Return the energy of the operations `run` of a spiking network beside those of the plain one, a sample."""
    functions, once = run.evaluations * evaluation, plain.evaluations * evaluation
    return Energy(
        ann=(plain.dense_once * arithmetic.mac + once) / plain.samples,
        ann_effective=((plain.effective_macs + plain.products) * arithmetic.mac + once) / plain.samples,
        shift_adds=(spent(run, arithmetic) + functions) / run.samples,
        strict=(spent_strictly(run, arithmetic) + functions) / run.samples,
    )


def spent(counted: Operations | LayerOperations, arithmetic: Arithmetic) -> float:
    """Return the energy of operations, pJ, in the reading of shift-adds."""
    return counted.shift_adds * arithmetic.add + counted.multiplications * arithmetic.mac


def spent_strictly(counted: Operations | LayerOperations, arithmetic: Arithmetic) -> float:
    """Return the energy of operations, pJ, in the strict reading."""
    return counted.effective_acs * arithmetic.add + (counted.effective_macs + counted.products) * arithmetic.mac


def read_profile(path: str | Path) -> EnergyProfile:
    """Return the profile in a TOML or JSON file; what it leaves out is as in the default one.

    `name`, `evaluation`, and tables fp32, fp16 and int8 with `multiply` and `add`, pJ. A file that cannot be read, a
    name that is unknown or an energy that is no number of 0 or more raises InputError.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # of both formats, and of text that is no UTF-8
        raise InputError(f"{str(path)!r} is no TOML or JSON: {first_line(error)}") from error
    if not isinstance(found, dict):
        raise InputError(f"{str(path)!r} holds no table: give names and numbers, such as evaluation = 1.0")
    return _profile(found, str(path))


def _profile(found: Mapping[str, Any], where: str) -> EnergyProfile:
    _check_names(found, [each.name for each in fields(EnergyProfile)], where)
    given: dict[str, Any] = {"name": str(found.get("name", Path(where).name))}
    if "evaluation" in found:
        given["evaluation"] = _number(found["evaluation"], "evaluation", where)
    for name in ARITHMETICS:
        table = found.get(name, {})
        if not isinstance(table, dict):
            raise InputError(f"{name!r} in {where!r} is no table: give multiply and add, in pJ")
        _check_names(table, ["multiply", "add"], f"{where}: {name}")
        default = getattr(HOROWITZ, name)
        values = {key: _number(table.get(key, getattr(default, key)), key, where) for key in ("multiply", "add")}
        given[name] = Arithmetic(**values)
    return EnergyProfile(**given)


def _check_names(found: Mapping[str, Any], known: list[str], where: str) -> None:
    for name in found:
        if name not in known:
            raise InputError(f"there is no energy {name!r} ({where}): there are {', '.join(known)}")


def _number(value: Any, name: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise InputError(f"the energy {name!r} in {where!r} is {value!r}: give pJ, a number of 0 or more")
    return float(value)
