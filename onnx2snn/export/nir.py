"""NIR, the Neuromorphic Intermediate Representation (arXiv 2311.14641): networks of `if` and `lif` neurons.

A file is written for one reader, which `target` names: sinabs, norse, snntorch or spikingjelly. Thresholds are 1 and
spikes are 0 or 1; scales are folded into the weights behind. The input is a constant current, and the mean of what
leaves the file over the steps is the decoded output (of `lif` neurons the leaky mean).
"""

import importlib
from types import ModuleType
from typing import Any

from onnx2snn.export.base import EXPORTERS, Exported, Request
from onnx2snn.export.lines.nodes import to_nir
from onnx2snn.export.lines.order import walk
from onnx2snn.export.lines.targets import Target, find_target
from onnx2snn.export.lines.translate import Wanted, translate
from onnx2snn_runtime.dynamics.base import make_dynamics
from onnx2snn_runtime.dynamics.integrate_and_fire import IntegrateAndFire
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.files import writing

SPIKES = ("if", "lif")


@EXPORTERS.register("nir")
def export_nir(request: Request) -> Exported:
    """Write the network as a NIR file for the reader `request.target`."""
    target = find_target(request.target)
    nir = package("nir")
    dynamics, initial = chosen_dynamics(request, target)
    program, leak = request.snn.program, dynamics.keep
    gain = 1.0 / (1.0 - leak) if leak != 1 and target.name == "norse" else 1.0
    bias = initial / request.steps if request.initial_as_bias else 0.0
    network = translate(program, dynamics, Wanted(target.sums, gain), bias)
    zeros = walk(network) if target.walks else 0
    graph = to_nir(nir, network, target, leak)
    with writing(request.path) as partial:
        nir.write(str(partial), graph)
    facts = {
        "target": target.name,
        "dynamics": "if" if leak == 1 else "lif",
        "leak": leak,
        "reset": target.reset,
        "nodes": len(network.layers),
        "neurons": {population: layer.name for population, layer in network.neurons.items()},
    }
    notes = [*target.why, _start(initial, request)]
    if zeros:
        notes.append(f"layers of zero weights make {target.name} compute branches in order: {zeros}")
    if program.readout:
        left = ", ".join(dict.fromkeys(item.op_type for item in program.readout))
        notes.append(f"the file ends before {left}: compute that on the decoded output")
    return Exported([str(request.path)], facts, notes)


def _start(initial: float, request: Request) -> str:
    if not initial:
        return "membranes start at 0, where our own runs start them at half of their threshold unless told otherwise"
    return f"membranes start at 0; biases are larger by {initial} / {request.steps} of the threshold, for so many steps"


def chosen_dynamics(request: Request, target: Target) -> tuple[IntegrateAndFire, float]:
    """Return the dynamics that the file says, with a membrane that starts at 0, and the start that was asked for.

    Other dynamics than `if` and `lif`, another reset than the reader's, and a start that the file cannot say raise
    InputError.
    """
    defaults, given = request.snn.defaults, request.overrides
    name = given.get("dynamics") or (defaults.dynamics if defaults.dynamics in SPIKES else "if")
    if name not in SPIKES:
        raise InputError(f"NIR has no neuron of the dynamics {name!r}: give --dynamics if or lif, or --to onnx-step")
    if request.snn.defaults.spiking_inputs:
        raise InputError("the inputs of this model spike: a NIR file is written for constant currents (encoder direct)")
    if given.get("delay", defaults.delay):
        raise InputError("readers of NIR files hand spikes on within a step: export with --delay 0")
    options = dict(given.get("dynamics_options") or (defaults.dynamics_options if name == defaults.dynamics else {}))
    reset = options.pop("reset", target.reset)
    if reset != target.reset:
        raise InputError(
            f"{target.name} reads neurons of {target.reset} reset, not of {reset}: leave the reset out, or choose "
            "another target"
        )
    initial = float(options.pop("initial", 0.5 if request.initial_as_bias else 0.0))
    if initial and not request.initial_as_bias:
        raise InputError(
            f"membranes start at {initial} of their threshold, which NIR cannot say: give --dynamics-option initial=0, "
            "or --initial-as-bias, which adds that to the biases, shared out over --timesteps"
        )
    dynamics = make_dynamics(name, None, {**options, "reset": reset, "initial": 0.0})
    if not isinstance(dynamics, IntegrateAndFire):
        raise InputError(f"NIR has no neuron of the dynamics {name!r}: export with --dynamics if or lif")
    return dynamics, initial


def package(name: str, extra: str = "nir") -> ModuleType:
    """Return the package `name`; one that is not installed raises InputError with the extra that brings it."""
    try:
        found: Any = importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise InputError(f"the package {error.name!r} is not installed: pip install 'onnx2snn[{extra}]'") from error
    module: ModuleType = found
    return module
