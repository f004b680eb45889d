"""The table of affine operators against the handlers: second differences are zero where it says so, and only there."""

from collections.abc import Sequence

import pytest
import torch

from onnx2snn_runtime.ir.linearity import is_affine
from onnx2snn_runtime.ir.operators import facts, operators_with
from tests.runtime.ops.nodes import Call, calls

ROLES = {name: facts(name) for name in operators_with("affine")}
pytestmark = pytest.mark.filterwarnings("ignore")

ROUNDS = {"Cast", "CastLike"}  # affine as far as the type is exact

WITHOUT_ROW = {
    "DequantizeLinear": "its operand is an integer",
    "LinearAttention": "linear in the query alone, which comes with its key and value",
    "NegativeLogLikelihoodLoss": "a loss is no part of inference",
    "OptionalGetElement": "optional values are no tensors",
    "SplitToSequence": "sequences are no tensors",
    "Scan": "as linear as its body",
    "CausalConvWithState": "its activation is an attribute",
    "Range": "its length depends on the data",
}
WIDTH = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def _floats(call: Call) -> list[int]:
    return [i for i in call.tensors() if call.inputs[i].dtype in WIDTH and call.inputs[i].numel()]


def _curvature(call: Call, which: Sequence[int], seed: int = 0) -> float:
    """Return the largest |f(x + u + v) - f(x + u) - f(x + v) + f(x)| over random points, in float64."""
    random = torch.Generator().manual_seed(seed)
    wide = {i: call.inputs[i].double() for i in _floats(call)}
    x, u, v = (
        {i: 2 * torch.randn(wide[i].shape, generator=random, dtype=torch.float64) for i in which} for _ in range(3)
    )

    def at(*steps: dict[int, torch.Tensor]) -> torch.Tensor:
        return call(wide | {i: sum((s[i] for s in steps), x[i]) for i in which})[0].double()

    difference = at(u, v) - at(u) - at(v) + at()
    return float(difference.nan_to_num(9.0).abs().max()) if difference.numel() else 0.0


def _with_row() -> list[Call]:
    known = ROLES.keys() - ROUNDS
    return [c for c in calls() if not c.operator.domain and c.operator.name in known and _floats(c)]


def _says_affine(call: Call) -> bool:
    first = [i == _floats(call)[0] for i in range(len(call.inputs))]
    return is_affine(call.operator.name, first, attributes=call.attributes)


@pytest.mark.parametrize("call", [c for c in _with_row() if _says_affine(c)], ids=lambda c: c.name)
def test_affine(call: Call) -> None:
    row = ROLES[call.operator.name]
    terms = [i for i in _floats(call) if row.role(i) == "t"]
    factors = [i for i in _floats(call) if row.role(i) == "f"]
    together = [] if row.affine == "ffttc" else terms  # of BatchNormalization the mean is scaled
    for which in [terms, *([*together, factor] for factor in factors)]:
        if which:
            assert _curvature(call, which) < 1e-6, f"inputs {which}"


@pytest.mark.parametrize("name", ["BatchNormalization", "RoiAlign", "ScatterElements", "ScatterND"])
def test_attributes_that_make_it_nonlinear(name: str) -> None:
    refused = [c for c in _with_row() if c.operator.name == name and not _says_affine(c)]
    assert max(_curvature(c, _floats(c)[:1], seed) for c in refused for seed in range(4)) > 1e-6


@pytest.mark.parametrize("name", sorted({c.operator.name for c in calls() if not c.operator.domain} - ROLES.keys()))
def test_operators_without_row_are_nonlinear(name: str) -> None:
    chosen = [c for c in calls() if c.operator.name == name and not c.operator.domain and 0 in _floats(c)]
    floating = [c for c in chosen if c()[0].is_floating_point()] if name not in WITHOUT_ROW else []
    if floating:
        assert max(_curvature(c, [0], seed) for c in floating for seed in range(4)) > 1e-6
