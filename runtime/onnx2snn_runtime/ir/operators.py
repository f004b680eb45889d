"""The operator table: what every ONNX operator is, declared in the file of its handler and read by everything else.

Each module of `ops/` holds a literal `OPERATORS: Declared = {"Add Sub": {"affine": "tt", "elementwise": True}, ...}`:
names, with spaces between them, and their facts. The literals are read from the source, so that asking for a fact
(conversion, inspection, verification) imports no torch. Operators that live elsewhere are added by `declare`.
"""

import ast
import functools
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from onnx2snn_runtime.errors import RegistryError

PACKAGE = "onnx2snn_runtime.ops"
TABLE = "OPERATORS"


@dataclass(frozen=True)
class Facts:
    """What is known of an operator besides how it is computed.

    affine          a role for each input, in the order of the ONNX schema; empty: nonlinear in every input.
                    t  term: the output is linear in it on its own; where it is not spiking it is a bias, absent from
                       the propagation of spikes (zeros stand in for it)
                    f  factor: linear in it while the other factors hold still; one factor alone may be spiking
                    c  control: indices, shapes, bounds: may not be spiking
                    *  repeats the role before it
    affine_if       attribute -> values for which the roles hold, where the attribute is given; else it is nonlinear
    weighted        multiplies by learned weights: a boundary between regions, of two activations too
    learned         carries learned parameters besides: norms, PRelu, recurrences, quantised products
    resampling      affine, and a boundary between regions as well
    elementwise     a scalar function of its operands, which broadcast
    copies          its output holds elements of its operands, moved or copied
    sums            adds its operands up: affine, yet it may be a neuron where neurons meet
    along_axis      acts along its attribute `axis`, or from that axis on
    reduces         takes the attribute or second input `axes` away, or leaves them at size 1
    batched         the first axis of its first input is a batch
    shape_only      its output depends on the shape of its input alone, so that it is never spiking
    shaped_by_data  the shape of its output depends on the values of its inputs
    unrolled        a recurrence, loop or branch, which conversion unrolls
    discrete        its outputs are integers or booleans
    rounds          turns a difference in the last bit into one of a whole step
    random          draws random numbers
    readout         only turns results into answers: computed exactly on paths that lead to outputs alone
    after_readout   unweighted arithmetic that may follow a readout (the arithmetic of boxes: affine, and clipping)
    own_memory      its result is never one of its operands, nor a part of one
    since           the first opset that a handler computes it for
    """

    affine: str = ""
    affine_if: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    weighted: bool = False
    learned: bool = False
    resampling: bool = False
    elementwise: bool = False
    copies: bool = False
    sums: bool = False
    along_axis: bool = False
    reduces: bool = False
    batched: bool = False
    shape_only: bool = False
    shaped_by_data: bool = False
    unrolled: bool = False
    discrete: bool = False
    rounds: bool = False
    random: bool = False
    readout: bool = False
    after_readout: bool = False
    own_memory: bool = False
    since: int = 1

    @property
    def pointwise(self) -> bool:
        """Whether one more axis in front changes nothing: operands broadcast from the last axis on."""
        return self.elementwise and not self.along_axis

    def role(self, index: int) -> str:
        """Return the role of input `index`: "t", "f" or "c"; inputs past the end repeat the last before a `*`."""
        fixed = self.affine.rstrip("*")
        if index < len(fixed):
            return fixed[index]
        return fixed[-1] if self.affine.endswith("*") else "c"


NOTHING = Facts()
"""The facts of an operator that nobody declared."""

_NAMES = frozenset(each.name for each in fields(Facts))


def facts(op_type: str, domain: str | None = "") -> Facts:
    """Return the facts of an operator; of one without a handler, those of a nonlinear operator."""
    return table().get((standard(domain), op_type), NOTHING)


def operators_with(fact: str, domain: str = "") -> frozenset[str]:
    """Return the names of the operators of `domain` for which `fact` holds."""
    return frozenset(name for (where, name), held in table().items() if where == domain and getattr(held, fact))


def is_supported(domain: str, op_type: str, opset: int) -> bool:
    """Return whether the runtime computes `op_type` of `domain` at `opset`."""
    held = table().get((standard(domain), op_type))
    return held is not None and held.since <= opset


def standard(domain: str | None) -> str:
    """Return `domain`, "" for both names of the standard domain."""
    return "" if domain in (None, "", "ai.onnx") else str(domain)


def declare(names: str, domain: str = "", **given: Any) -> None:
    """Add operators, by `names` with spaces between them, whose handler is registered outside of `ops/`.

    A fact that does not exist, or an operator that is declared twice, raises RegistryError.
    """
    for key, held in _rows({names: {"domain": domain, **given}}, "declare()"):
        if table().setdefault(key, held) is not held:
            raise RegistryError(f"the operator {key[1]!r} is declared twice: rename one of the two")


@functools.cache
def table() -> dict[tuple[str, str], Facts]:
    """Return the facts of every operator by (domain, name)."""
    spec = importlib.util.find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    found: dict[tuple[str, str], Facts] = {}
    for path in sorted(path for folder in folders or () for path in Path(folder).glob("*.py")):
        for key, held in _rows(_literal(path), path.name):
            if found.setdefault(key, held) is not held:
                raise RegistryError(f"the operator {key[1]!r} is declared twice, again in {path.name}: remove one")
    return found


def _literal(path: Path) -> dict[str, dict[str, Any]]:
    """Return the literal `OPERATORS` of a module; a module without one declares nothing."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == TABLE:
            rows: dict[str, dict[str, Any]] = ast.literal_eval(node.value) if node.value else {}
            return rows
    return {}


def _rows(rows: Mapping[str, Mapping[str, Any]], where: str) -> Iterator[tuple[tuple[str, str], Facts]]:
    for names, given in rows.items():
        values = dict(given)
        domain = values.pop("domain", "")
        unknown = sorted(values.keys() - _NAMES)
        if unknown:
            raise RegistryError(f"{names.split()[0]!r} in {where} has no fact {unknown[0]!r}: see ir.operators.Facts")
        held = Facts(**values)
        for name in names.split():
            yield (standard(domain), name), held
