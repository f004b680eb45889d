"""Computes the resting values, those before the first spike: the synapses at estimates of zero."""

from collections.abc import Mapping

from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor, call
from onnx2snn_runtime.program.program import Program


def rest_of(program: Program, name: str, likes: Mapping[str, Tensor], frame: Frame) -> Tensor:
    """Return the value `name` at estimates of zero; `likes` holds zeros shaped as each sender, `frame` constants."""
    makers = {made: item for item in (*program.loop, *program.tail) if isinstance(item, Call) for made in item.outputs}
    still = Frame(frame.dtype, frame.device, dict(frame.values), dict(frame.host))
    for sender, like in likes.items():
        still.set(sender, like.to(program.wide))
    _bring(name, makers, set(likes), still)
    value: Tensor = still.values[name]
    return value


def _bring(wanted: str, makers: Mapping[str, Call], known: set[str], still: Frame) -> None:
    """Compute `wanted` into the frame `still`, after what it is made of; `known` values are there already."""
    item = makers.get(wanted)
    if not wanted or wanted in known or item is None:
        return
    known.update(item.outputs)
    for given in item.inputs:
        _bring(given, makers, known, still)
    call(item, still)
