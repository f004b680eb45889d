"""ONNX's own backend suite against the handlers: every case that no row of the table excludes."""

import re

import pytest

from tests.runtime.ops.backend import all_nodes, element_types
from tests.runtime.ops.conformance import excluded, outcome
from tests.runtime.ops.exclusions import EXCLUDED_OPERATORS, EXCLUDED_TYPES, EXCLUSIONS
from tests.runtime.ops.suite import KINDS, Case, cases, check

pytestmark = pytest.mark.filterwarnings("ignore")  # the suite divides by zero and overflows on purpose

_ALL = [case for kind in KINDS for case in cases(kind)]


@pytest.mark.parametrize("case", [c for c in _ALL if not excluded(c)], ids=lambda c: f"{c.kind}-{c.name}")
def test_case(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("pattern", EXCLUSIONS)
def test_exclusion_is_needed(pattern: str) -> None:
    matched = [case for case in _ALL if re.search(pattern, case.name)]
    assert matched, "no case matches"
    assert [case.name for case in matched if not outcome(case)] == [], "these pass: narrow the pattern"


@pytest.mark.parametrize("case", [c for c in _ALL if excluded(c)], ids=lambda c: c.name)
def test_excluded_case_is_not_ordinary(case: Case) -> None:
    model = case.model()
    operators = {node.op_type for node in all_nodes(model.graph)}
    assert element_types(model) & EXCLUDED_TYPES or operators & EXCLUDED_OPERATORS


def test_suite_is_complete() -> None:
    assert {kind: len(cases(kind)) for kind in KINDS[1:]} == {
        "simple": 23,
        "pytorch-converted": 82,
        "pytorch-operator": 35,
        "real": 9,
    }
    assert len(cases("node")) >= 1500
