"""One time step as a plain ONNX file, which any onnxruntime runs without this package.

    (x, states) -> (outputs, spikes, next states)

Every population has the state `v.<output>`, its estimate; `v_next.<output>` is what the next step takes. All states are
0 before the first step. `spike.<output>` is what it sends. Where step sizes or averages depend on the step, the file
has an input `t` = 1, 2, ..., up to the `timesteps` that it was written for.
"""

from typing import Any

import onnx
import torch

from onnx2snn.export.base import EXPORTERS, Exported, Request
from onnx2snn.export.steps.assemble import STEP, assemble, describe
from onnx2snn.export.steps.floats import FLOATS, bring_to
from onnx2snn.export.steps.laws import Law, law_of
from onnx2snn_runtime.dynamics.base import Dynamics
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.files import write_model
from onnx2snn_runtime.ir.flow import analyse
from onnx2snn_runtime.ir.recurrence import recurrences
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.program.rectifiers import check_expressible
from onnx2snn_runtime.settings import make_settings

KINDS = {"float32": onnx.TensorProto.FLOAT, "float64": onnx.TensorProto.DOUBLE}
PLAIN = ("", "ai.onnx", "ai.onnx.ml")


@EXPORTERS.register("onnx-step")
def export_step(request: Request) -> Exported:
    """Write one time step of the network as an ONNX file."""
    snn, defaults = request.snn, request.snn.defaults
    settings = make_settings(defaults, request.overrides)
    program = snn.program
    if recurrences(snn.proto.graph):
        raise UnsupportedError(
            f"{program.where} holds recurrences that are rolled up (Scan), which are not exported yet: convert for a "
            "fixed length with --recurrence unrolled"
        )
    if settings.encoder is not None:
        raise UnsupportedError("the inputs of this model spike: only constant currents (encoder direct) are exported")
    if settings.delay:
        raise UnsupportedError("a step with a delay is not exported: give --delay 0")
    kind = KINDS[request.dtype]
    ir = _in_one_type(snn.proto, kind, defaults.spiking_inputs)
    laws = _laws(program, settings.dynamics, request)
    rectified = {item.output: item.reshapes for item in program.populations} if settings.dynamics.rectifies else None
    parts = assemble(ir, laws, kind, rectified)
    foreign = sorted({node.domain for node in parts.graph.node} - set(PLAIN))
    if foreign:
        raise UnsupportedError(
            f"{program.where} holds operators of the domains {', '.join(foreign)}, which are not plain"
        )
    facts: dict[str, Any] = {
        "dynamics": type(settings.dynamics).__name__,
        "timesteps": request.steps if parts.timed else 0,
    }
    describe(parts, facts)
    parts.model.producer_name = "onnx2snn"
    onnx.checker.check_model(parts.model)
    write_model(parts.model, request.path)
    return Exported([str(request.path)], {**facts, "states": parts.states}, _notes(parts.timed, request))


def _laws(program: Program, dynamics: Dynamics, request: Request) -> dict[str, Law]:
    if dynamics.bias(1) != 1.0:
        raise UnsupportedError("the dynamics 'subgradient' is not written as an ONNX graph: choose another --dynamics")
    ceilings = check_expressible(program, dynamics)
    laws = {}
    for item in program.populations:
        neuron = program.neuron(item)
        if item.output in ceilings:
            neuron = neuron._replace(ceiling=ceilings[item.output])
        if isinstance(neuron.scale, torch.Tensor):  # as a program of the file's type has it
            neuron = neuron._replace(scale=neuron.scale.to(getattr(torch, request.dtype)))
        laws[item.output] = law_of(dynamics, neuron, request.steps)
    return laws


def _in_one_type(proto: onnx.ModelProto, kind: int, spiking: tuple[str, ...]) -> onnx.ModelProto:
    """Return the IR in the type `kind`; casts of what varies in time between floating-point types round nothing."""
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    flow = analyse(model.graph, spiking)
    readout = {name for node in flow.readout for name in node.output}
    bodies = [node for function in model.functions for node in function.node]
    for node in (*model.graph.node, *bodies):
        free = node in bodies or (node.input and node.input[0] in flow.varying and node.output[0] not in readout)
        if node.op_type == "Cast" and free:
            for attribute in node.attribute:
                if attribute.name == "to" and attribute.i in FLOATS:
                    attribute.i = kind
    if kind == onnx.TensorProto.DOUBLE or any(v.type.tensor_type.elem_type != kind for v in model.graph.input):
        bring_to(model, kind)
    return model


def _notes(timed: bool, request: Request) -> list[str]:
    notes = [
        "begin with zeros for every input v.NAME, as large as the output v_next.NAME, and give the next step what the "
        "step before gave as v_next.NAME"
    ]
    if timed:
        notes.append(f"{STEP} is the number of the step, 1 to {request.steps}: the file holds step sizes for so many")
    return notes
