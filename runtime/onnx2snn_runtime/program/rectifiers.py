"""Recognises populations that compute a ReLU or a clipped ReLU, whatever operators their functions consist of."""

from collections.abc import Sequence

import torch

from onnx2snn_runtime.dynamics.base import DYNAMICS, Dynamics, Neuron
from onnx2snn_runtime.errors import Onnx2SnnError, UnsupportedError
from onnx2snn_runtime.program.interpreter import Frame, Tensor
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program

GRIDS = ((8, 25), (8, 5, 5), (2, 4, 5, 5), (2, 2, 2, 5, 5))
"""The shapes that a body is tried on: it may want a certain rank."""

UNFIT = -1.0
"""In place of a ceiling: the body cannot be computed on data of that shape."""


def neurons_of(program: Program, dynamics: Dynamics) -> dict[str, Neuron]:
    """Return what `dynamics` may know of each population, by output; populations beyond it raise UnsupportedError."""
    ceilings = check_expressible(program, dynamics)
    neurons = {item.output: program.neuron(item) for item in program.populations}
    return neurons | {output: neurons[output]._replace(ceiling=ceiling) for output, ceiling in ceilings.items()}


def check_expressible(program: Program, dynamics: Dynamics) -> dict[str, float]:
    """Return the ceilings of the populations, by output, for dynamics that rectify; {} for the others.

    Populations that are no ReLU nor clipped ReLU raise UnsupportedError, with the dynamics that can express them.
    """
    if not dynamics.rectifies:
        return {}
    if program.ceilings is None:  # once, since it waits for the device
        frame = program.frame()
        program.ceilings = {item.output: ceiling(item, frame) for item in program.populations}
    found = program.ceilings
    beyond = [item for item in program.populations if found[item.output] is None]
    if beyond:
        able = [other for other in DYNAMICS if not DYNAMICS[other].rectifies]
        name = next((other for other in DYNAMICS if DYNAMICS[other] is type(dynamics)), type(dynamics).__name__)
        named = ", ".join(f"{_kind(item)} ({item.name})" for item in beyond)
        raise UnsupportedError(
            f"the dynamics {name!r} expresses ReLU and clipped ReLU alone, and {program.where} "
            f"has other neurons: {named}; choose the dynamics {' or '.join(able)}"
        )
    return {output: c for output, c in found.items() if c is not None}


def _kind(item: Population) -> str:
    """Return the kind of a population for messages: its operator, or the operators of its region."""
    name = item.op_type.removeprefix("Spiking")
    return "-".join(dict.fromkeys(inner.op_type for inner in item.body)) if name.startswith("Region") else name


def ceiling(item: Population, frame: Frame) -> float | None:
    """Return c where the population computes clip(x, 0, c), infinity where it computes max(x, 0), None elsewhere.

    The body is computed on grids, in no order, with the constants in `frame`: bounds that are known only when the
    model runs cannot be judged. It may change the shape (Flatten), as long as the order of the numbers stays.
    """
    if len(item.sources) != 1 or any(name not in frame.values for name in item.constants):
        return None
    constants = [frame.values[name] for name in item.constants]
    found = {_ceiling(item, constants, _grid(shape, frame.device)) for shape in GRIDS} - {UNFIT}
    return found.pop() if len(found) == 1 else None


def _ceiling(item: Population, constants: Sequence[Tensor], x: Tensor) -> float | None:
    """Return the ceiling on the numbers `x`, None where the body computes something else, UNFIT where it cannot."""
    try:
        y = item.target([x], constants, x.dtype)
    except Onnx2SnnError:  # the body wants another shape
        return UNFIT
    if y.numel() != x.numel():
        return None
    top = float(y.max())
    c = float("inf") if top == float(x.max()) else top
    return c if c > 0 and torch.allclose(y.flatten(), x.flatten().clamp(0.0, c), rtol=1e-6, atol=1e-9) else None


def _grid(shape: Sequence[int], device: torch.device) -> Tensor:
    """Return 200 test inputs of `shape`: numbers of both signs and all magnitudes and zero, shuffled."""
    magnitudes = torch.logspace(-4, 4, 99, dtype=torch.float64)
    values = torch.cat([magnitudes, -magnitudes, torch.zeros(2, dtype=torch.float64)])
    order = torch.randperm(len(values), generator=torch.Generator().manual_seed(0))
    return values[order].reshape(*shape).to(device)
