"""What is launched is what the Triton kernels take: read from their source, as triton is mostly not installed."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from onnx2snn_runtime.dynamics.base import Neuron, State, make_dynamics
from onnx2snn_runtime.kernels import launch
from onnx2snn_runtime.kernels.base import KERNELS
from onnx2snn_runtime.kernels.layout import Chunk, pattern
from onnx2snn_runtime.schedules.exponential import Exponential
from tests.runtime.kernels.checking import DYNAMICS

GPU = Path(launch.__file__).parent / "gpu"
LAUNCHED = [(kernel, own, options) for kernel, held in DYNAMICS.items() for own, options in held]
OPTIONS = {"num_warps", "enable_fp_fusion"}
"""What Triton takes beside the parameters of a kernel."""


def launched(monkeypatch: pytest.MonkeyPatch, kernel: str, own: str, options: dict) -> tuple[str, dict[str, Any]]:
    """Return the module and the arguments that the kernel would be launched with."""
    found: list[Any] = []

    def keep(name: str, chunk: Chunk, slots: Mapping[str, Any]) -> None:
        found.append((name, {**chunk.arguments, **slots}))

    monkeypatch.setattr(launch, "launch", keep)
    dynamics = make_dynamics(own, None if own == "subgradient" else Exponential(), options)
    target = torch.zeros(2, 3, 5)
    KERNELS[f"{kernel}_triton"]().scan(dynamics, target, State(target[0]), 2, 1, Neuron(1.0), None)
    return found[0]


def function(name: str, called: str) -> ast.FunctionDef:
    """Return the function `called` of the Triton module `name`."""
    tree = ast.parse((GPU / f"{name}.py").read_text())
    return next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == called)


def read(step: ast.FunctionDef, name: str) -> Iterator[int]:
    """Yield the indices at which `step` reads the tuple `name`."""
    for node in ast.walk(step):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == name:
            yield ast.literal_eval(node.slice)


@pytest.mark.parametrize(("kernel", "own", "options"), LAUNCHED)
def test_a_kernel_takes_what_is_launched(monkeypatch: pytest.MonkeyPatch, kernel: str, own: str, options: dict) -> None:
    name, given = launched(monkeypatch, kernel, own, options)
    taken = {each.arg for each in function("scan", "scan").args.args}
    assert given.keys() - OPTIONS == taken - {"STEP"}
    step = function(name, "step")
    for what, prefix, count in (("reals", "real", launch.REALS), ("flags", "flag", launch.FLAGS)):
        places = set(read(step, what))
        assert places <= set(range(count)), what
        assert all(given[each] is not None for each in given if each.startswith(prefix))
    states = sum(given[f"state{i}"] is not None for i in range(launch.STATES))
    assert max(read(step, "state")) <= max(states, 1)


def test_a_kernel_hands_on_as_many_parameters_as_are_launched() -> None:
    scan = function("scan", "scan")
    names = [each.arg for each in scan.args.args]
    for prefix, suffix, count in (("real", "_bits", launch.REALS), ("flag", "", launch.FLAGS), ("state", "", 3)):
        assert [f"{prefix}{i}{suffix}" for i in range(count)] == [
            n for n in names if n[:-1].startswith(prefix) or (suffix and n.startswith(prefix))
        ]
    (reals,) = [node.value for node in ast.walk(scan) if isinstance(node, ast.Assign) and _named(node, "reals")]
    assert isinstance(reals, ast.Tuple)
    assert len(reals.elts) == launch.REALS


def _named(node: ast.Assign, name: str) -> bool:
    return isinstance(node.targets[0], ast.Name) and node.targets[0].id == name


def test_more_parameters_than_a_kernel_takes_are_an_error() -> None:
    with pytest.raises(TypeError, match="5 parameters of a dynamics where the kernel takes 4"):
        launch._filled(range(5), launch.REALS, 0)


@pytest.mark.parametrize("value", [0.5, -0.0, float("inf"), 1e300, 3e-46])
def test_numbers_are_passed_by_their_bits(value: float) -> None:
    for dtype, integers in ((torch.float32, torch.int32), (torch.float64, torch.int64)):
        expected = torch.tensor(value, dtype=torch.float64).to(dtype)
        assert torch.tensor(pattern(value, dtype), dtype=integers).view(dtype).equal(expected)
        assert torch.signbit(torch.tensor(pattern(value, dtype), dtype=integers).view(dtype)) == torch.signbit(expected)
