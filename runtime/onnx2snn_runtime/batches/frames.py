"""A rolled recurrence over real time: its positions are frames that come one after the other.

The unrolled network has neurons of their own at every position. Here there is one of each: a frame is a sequence of one
position, and the recurrence goes on from the estimates of the frame before.
"""

import onnx
from onnx import helper

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ir.recurrence import body_of, key_of, recurrences, unrolled, wiring_of
from onnx2snn_runtime.program.program import Program

STATE = "@state/"

Pairs = dict[str, tuple[str, str]]
"""The states of a recurrence: input of the network of one position -> (value at first, output)."""


def one_frame(program: Program) -> tuple[Program, Pairs]:
    """Return the network of one position of a rolled `program`, its states inputs and outputs.

    A network without a rolled recurrence, or with one that reads from the end, raises UnsupportedError.
    """
    if program.rolled is None:
        raise UnsupportedError(
            f"{program.where} holds no rolled recurrence, whose positions could be frames: convert it with "
            "recurrence='rolled', or run it by stream()"
        )
    model = onnx.ModelProto()
    model.CopyFrom(program.rolled)
    pairs: Pairs = {}
    outputs = {value.name for value in model.graph.output}
    for node in recurrences(model.graph):
        wiring, types = wiring_of(node), {v.name: v.type.tensor_type.elem_type for v in body_of(node).input}
        if any(backwards for *_, backwards in wiring.scanned):
            raise UnsupportedError(
                f"{node.name or key_of(node)!r} in {program.where} reads its sequence from the end, and frames come "
                "from the start: run whole sequences"
            )
        for place, (inner, _, initial, last) in enumerate(wiring.carried):
            name = f"{STATE}{inner}"
            pairs[name] = initial, last
            node.input[place] = name
            kind = types[inner] or onnx.TensorProto.FLOAT
            model.graph.input.append(helper.make_tensor_value_info(name, kind, None))
            if last not in outputs:
                model.graph.output.append(helper.make_empty_tensor_value_info(last))
    found = unrolled(model, {key_of(node): 1 for node in recurrences(model.graph)}, weights=False)
    made = Program(found.model, program.where, parent=program)
    made.groups, made.compile_regions = found.names, program.compile_regions
    return made, pairs
