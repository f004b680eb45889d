"""The values of one step of a chunk of time."""

from collections.abc import Iterable, Sequence

from onnx2snn_runtime.execution.probe import Probe
from onnx2snn_runtime.kernels.chunks import at
from onnx2snn_runtime.program.interpreter import Call, Frame


def frame_at(frame: Frame, varying: Iterable[str], index: int) -> Frame:
    """Return a frame with the values of step `index` of the chunk in `frame`; those in `varying` are [n, ...]."""
    values = dict(frame.values)
    values.update((name, at(values[name], index)) for name in varying if name in values)
    return Frame(frame.dtype, frame.device, values, dict(frame.host))


def show_steps(probes: Sequence[Probe], item: Call, frame: Frame, first: int, count: int) -> None:
    """Pass a synapse to the probes, for each of the `count` steps of the chunk in `frame` from step `first` on."""
    varying = {n: frame.values[n] for n, flag in zip(item.inputs, item.varying, strict=True) if flag}
    for index in range(count):
        values = {name: at(value, index) for name, value in varying.items()}
        now = Frame(frame.dtype, frame.device, values, frame.host)
        for probe in probes:
            probe.synapse(item, first + index, now, frame, False)
