"""Handlers under torch.vmap over a hidden leading axis give what they give one by one, and leave their inputs alone."""

import pytest
import torch

from tests.runtime.ops.nodes import Call, calls

pytestmark = pytest.mark.filterwarnings("ignore")

BY_DATA = {
    "NonMaxSuppression": "the number of boxes depends on the data",
    "Unique": "the number of values depends on the data",
    "Range": "the length depends on the data",
    "SplitToSequence": "gives a list, which vmap does not know",
}
FLOATS = (torch.float16, torch.float32, torch.float64)
_CALLS = [
    (call, which)
    for call in calls()
    if call.operator.name not in BY_DATA
    for every in [[i for i in call.tensors() if call.inputs[i].dtype in FLOATS and call.inputs[i].numel()]]
    for which in {tuple(every[:1]), tuple(every)}
    if which
]


def _twice(x: torch.Tensor) -> torch.Tensor:
    return torch.stack([x, x.flip(0) if x.ndim else x * 0.5])


@pytest.mark.parametrize(("call", "which"), _CALLS, ids=[f"{c.name}-{len(w)}" for c, w in _CALLS])
def test_hidden_axis(call: Call, which: tuple[int, ...]) -> None:
    batches = [_twice(call.inputs[i]) for i in which]
    kept = [batch.clone() for batch in batches]

    def one(*values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return call(dict(zip(which, values, strict=True)))

    expected = [one(*(batch[k] for batch in batches)) for k in range(2)]
    together = torch.vmap(one, randomness="same")(*batches)
    for have, *want in zip(together, *expected, strict=True):
        low = have.dtype.itemsize == 1 and have.dtype.is_floating_point
        pair = (x.float() if low else x for x in (have, torch.stack(want)))
        torch.testing.assert_close(*pair, equal_nan=True, rtol=1e-3, atol=1e-4)
    for batch, before in zip(batches, kept, strict=True):
        torch.testing.assert_close(batch, before, equal_nan=True, rtol=0, atol=0)


def _batched(operator: str) -> None:
    for call in (c for c in calls() if c.operator.name == operator):
        which = [i for i in call.tensors() if call.inputs[i].numel()]
        values = [_twice(call.inputs[i]) for i in which]
        torch.vmap(lambda *v, c=call, w=which: c(dict(zip(w, v, strict=True))))(*values)


@pytest.mark.parametrize("operator", sorted(BY_DATA))
def test_exception_is_needed(operator: str) -> None:
    with pytest.raises((RuntimeError, AttributeError, ValueError, TypeError, IndexError)):
        _batched(operator)
