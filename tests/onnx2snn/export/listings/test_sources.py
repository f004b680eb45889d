"""The sources of functions as definitions of one file: every operator, dynamics and encoder can be written."""

import functools
import sys
import types
from typing import Any

import pytest
import torch

from onnx2snn.export.listings.names import Names, snake
from onnx2snn.export.listings.sources import Sources, chooses_types
from onnx2snn_runtime.dynamics.base import DYNAMICS
from onnx2snn_runtime.encoders.base import ENCODERS
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import find_operator, handlers_since, known_operators
from onnx2snn_runtime.optimizers.base import OPTIMIZERS
from onnx2snn_runtime.schedules.base import SCHEDULES


def made(sources: Sources) -> dict[str, Any]:
    """Return the names that a file of `sources` defines."""
    module = types.ModuleType("written")
    sys.modules["written"] = module  # where dataclasses look for it
    try:
        exec("\n".join(["import torch", *sources.imports, *sources.definitions]), module.__dict__)
    finally:
        del sys.modules["written"]
    return module.__dict__


def written(value: Any, hint: str = "f") -> Any:
    """Return what the source of `value` is in a file of its own."""
    sources = Sources(Names())
    text = sources.text(value, hint)
    return eval(text, made(sources))


def test_every_operator_of_the_runtime_is_written() -> None:
    sources, names = Sources(Names()), {}
    for domain, name in known_operators():
        for since in handlers_since(name, domain):
            operator = find_operator(name, since, domain)
            assert operator is not None
            names[domain, name, since] = sources.text(operator.function, snake(name))
    held = made(sources)
    assert all(callable(eval(text, held)) for text in names.values())
    assert len(set(names.values())) > 200
    code = "\n".join(sources.definitions)
    assert "register(" not in code
    assert "@operator" not in code
    assert not [line for line in sources.imports if "onnx" in line]


@pytest.mark.parametrize("registry", [DYNAMICS, ENCODERS, SCHEDULES, OPTIMIZERS], ids=lambda each: each.kind)
def test_everything_that_is_registered_is_written(registry: Any) -> None:
    for name in registry:
        assert written(registry[name]).__name__ == registry[name].__name__


def test_what_other_functions_made_is_written_with_what_it_holds() -> None:
    x = torch.randn(3, 4, dtype=torch.float64)
    for name, options in (("ReduceLogSumExp", {"axes": [1]}), ("ReduceMax", {}), ("Softmax", {}), ("Erf", {})):
        operator = find_operator(name, 18)
        assert operator is not None
        assert torch.equal(written(operator.function, name)(x, **options), operator.function(x, **options))


def test_values_are_written_as_code() -> None:
    for value in (None, True, 3, -0.5, "a 'b'", [1, 2], (1,), (), [[1], [2.5]], torch.abs, float):
        assert written(value) == value or value is float
    assert written(float("inf")) == float("inf")
    assert str(written(float("nan"))) == "nan"
    rounded = written(functools.partial(torch.round, decimals=1))
    assert rounded(torch.tensor(0.26)) == torch.tensor(0.3)
    schedule = SCHEDULES["inverse"]
    assert written(schedule(offset=3.0))(2) == schedule(offset=3.0)(2)


def outside(x: torch.Tensor) -> torch.Tensor:
    """A function that needs more than torch and numpy."""
    with pytest.raises(ValueError):  # noqa: PT011 (it is never run)
        raise ValueError
    return x


def test_what_needs_other_packages_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match=r"test_sources needs the package pytest, .* --to onnx-step"):
        written(outside)
    with pytest.raises(UnsupportedError, match="is no Python code that could be written"):
        written(torch.ones(2).add)
    with pytest.raises(UnsupportedError, match="cannot be told from others"):
        written([lambda: 1, lambda: 2][0])


def test_names_are_identifiers_of_their_own() -> None:
    names = Names({"taken"})
    assert [names.new(name) for name in ("a/b.c", "a/b.c", "taken", "3d", "class", "sum", "")] == [
        "a_b_c", "a_b_c_2", "taken_2", "n3d", "class_", "sum_", "value",
    ]  # fmt: skip
    assert [snake(name) for name in ("ReduceMean", "LSTM", "SpikingGLU", "Conv2D")] == [
        "reduce_mean", "lstm", "spiking_glu", "conv2_d",
    ]  # fmt: skip


def test_handlers_that_choose_types_are_known() -> None:
    for name, chooses in (("Cast", True), ("ConstantOfShape", True), ("Range", True), ("Shape", False), ("Conv", False),
                          ("MatMul", False), ("Relu", False)):  # fmt: skip
        operator = find_operator(name, 18)
        assert operator is not None
        assert chooses_types(operator.function) == chooses, name
