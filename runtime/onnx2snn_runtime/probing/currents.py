"""The currents that the spikes of a chunk cause where they arrive, for dynamics whose receivers filter them.

There the estimates of a chunk do not tell what arrived in a step, so that the spikes pass the synapses once more.
"""

from onnx2snn_runtime.execution.over_time import map_call
from onnx2snn_runtime.probing.arrivals import Arrival
from onnx2snn_runtime.probing.reach import Plan
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor, bind_outputs, linear_arguments
from onnx2snn_runtime.program.program import Program


class Currents:
    """What arrives of the spikes [T, ...] of a chunk; a current is computed once, and held while it is needed.

    `senders` are the populations and inputs whose spikes are needed.
    """

    def __init__(self, program: Program, plan: Plan) -> None:
        seen = [arrival for arrival in plan.arrivals if arrival.kind != "spikes"]
        self.senders = frozenset(name for arrival in seen for name in arrival.sources)
        self._passed = Frame(program.dtype, program.device)
        self._last: dict[str, Call] = {}
        """By value, the last synapse that needs it: they are in the order of the program."""
        for arrival in seen:
            for name in (*arrival.sources, *(made for call in arrival.path for made in call.outputs)):
                self._last[name] = arrival.item

    def set(self, name: str, spikes: Tensor) -> None:
        """Take the spikes [T, ...] that `name` sent in the chunk."""
        self._passed.set(name, spikes)

    def of(self, arrival: Arrival, constant: Frame) -> Tensor:
        """Return what arrives [T, ...], without biases."""
        for item in arrival.path:
            if item.outputs[0] not in self._passed.values:
                given = linear_arguments(item, constant, self._passed)
                bind_outputs(item, self._passed, map_call(item, given, item.varying))
        found: Tensor = self._passed.values[arrival.value]
        return found

    def release(self, item: Call) -> None:
        """Forget what nothing after the synapse `item` needs."""
        for name in [name for name, last in self._last.items() if last is item]:
            self._passed.values.pop(name, None)
