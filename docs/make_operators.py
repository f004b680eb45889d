"""Writes docs/operators.md, the table of every ONNX operator, from the code: `python -m docs.make_operators`."""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import onnx

from onnx2snn.passes.recurrence.unroll_layers import LAYERS
from onnx2snn.passes.recurrence.unroll_loops import LOOPS
from onnx2snn.passes.repairs.inline_functions import has_body
from onnx2snn.passes.repairs.raise_opset import LEAST_OPSET
from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.ops import handlers_since, known_operators

PAGE = Path(__file__).with_name("operators.md")
WRITTEN_OUT = {
    key
    for name in ("expand_fused", "expand_quantised", "expand_machines")
    for key in import_module(f"onnx2snn.passes.repairs.{name}")._RULES
}
"""What the conversion writes as other operators before anything else."""

FLOATS = frozenset({"tensor(float)", "tensor(double)", "tensor(float16)", "tensor(bfloat16)"})
TITLES = {"": "ai.onnx", "ai.onnx.ml": "ai.onnx.ml", "com.microsoft": "com.microsoft"}
HEAD = f"""# Operators

Made by `python -m docs.make_operators` from the code, with the schemas of onnx %s; do not edit it.

An operator that depends on constants alone is folded, and one that sees the model's inputs through unweighted operators
alone (control) is computed exactly, outside time, whatever it is. The third column says what it becomes where one of
its inputs spikes:

| word | what becomes of it |
|---|---|
| synapse | stays the operator it is. A, B: affine in these together; A or B: in one while the other does not spike |
| neuron | a neuron of its own, or a part of one |
| logic | part of a neuron or a readout: its result is no tensor of floats, so it cannot spike on its own |
| never | its result depends on shapes alone |
| recurrence | unrolled, or a Scan with neurons inside, see [recurrence](recurrence.md); a condition must be constant |
| written out | as other operators of this table, before anything else |
| refused | by name, with everything else that cannot be converted |

A synapse in a place or with an attribute that makes it nonlinear is a neuron, such as a product of two activations.
*Weighted* and *resampling* operators are boundaries between neurons; *readout*: stays exact on a path that leads to
outputs alone. *Handlers* are the opsets from which on the runtime computes it, one for each meaning; a model of an
opset below {LEAST_OPSET} is brought up to {LEAST_OPSET} first.
"""


def page() -> str:
    """Return the page."""
    names: dict[str, set[str]] = {domain: set() for domain in TITLES}
    current = [(schema.domain, schema.name) for schema in onnx.defs.get_all_schemas()]
    for domain, name in (*current, *known_operators(), *WRITTEN_OUT):
        names.setdefault(domain, set()).add(name)
    parts = [HEAD % onnx.__version__]
    for domain, title in (*TITLES.items(), *((d, d) for d in sorted(names.keys() - TITLES.keys()))):
        rows = [_row(domain, name) for name in sorted(names[domain])]
        head = ["| operator | opsets | where it spikes | handlers | also |", "|---|---|---|---|---|"]
        parts.append("\n".join([f"## {title}", "", *head, *rows, ""]))
    return "\n".join(parts)


def kind(domain: str, name: str) -> str:
    """Return what becomes of an operator that has a spiking input."""
    if (domain, name) in WRITTEN_OUT:
        return "written out"
    if facts(name, domain).random:
        return "refused"
    if not domain and name in (*LAYERS, *LOOPS):
        return "recurrence"
    if not handlers_since(name, domain):
        schema = _schema(domain, name)
        return "written out" if not domain and has_body(name, schema.since_version) and _is_flat(schema) else "refused"
    if facts(name, domain).shape_only:
        return "never"
    if facts(name, domain).affine:
        return f"synapse: {_affine(domain, name)}"
    return "neuron" if _is_float(domain, name) else "logic"


def _affine(domain: str, name: str) -> str:
    """Return the inputs that `name` is affine in."""
    held, inputs = facts(name, domain), _schema(domain, name).inputs
    found: dict[str, list[str]] = {"f": [], "t": [], "c": []}
    for i, port in enumerate(inputs):
        found[held.role(i)].append(port.name)
    factors = " or ".join(found["f"])
    return ", ".join(filter(None, [factors, *found["t"]]))


def _row(domain: str, name: str) -> str:
    held = facts(name, domain)
    notes = {
        "weighted": held.weighted,
        "resampling": held.resampling,
        "readout": held.readout,
        "readout behind another": held.after_readout and not held.readout,
    }
    also = ", ".join(word for word, holds in notes.items() if holds)
    handlers = ", ".join(map(str, handlers_since(name, domain))) or "-"
    return f"| {name} | {_opsets(domain, name)} | {kind(domain, name)} | {handlers} | {also} |"


def _opsets(domain: str, name: str) -> str:
    return ", ".join(str(since) for since, _ in _history().get((domain, name), [])) or "-"


def _schema(domain: str, name: str) -> Any:
    return _history()[domain, name][-1][1]


@cache
def _history() -> dict[tuple[str, str], list[tuple[int, Any]]]:
    """Return the schemas of every operator with the opset that brought each, ascending."""
    found: dict[tuple[str, str], list[tuple[int, Any]]] = {}
    for schema in sorted(onnx.defs.get_all_schemas_with_history(), key=lambda s: s.since_version):
        found.setdefault((schema.domain, schema.name), []).append((schema.since_version, schema))
    return found


def _is_flat(schema: Any) -> bool:
    """Return whether no attribute is a graph: what holds one is refused where it cannot be unrolled."""
    return all("GRAPH" not in str(a.type) for a in schema.attributes.values())


def _is_float(domain: str, name: str) -> bool:
    """Return whether an output can be a tensor of floats."""
    if (domain, name) not in _history():
        return True
    return any(FLOATS & set(port.types) for port in _schema(domain, name).outputs)


if __name__ == "__main__":
    PAGE.write_text(page())
