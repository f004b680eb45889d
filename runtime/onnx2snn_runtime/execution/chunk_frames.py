"""The values of one step of a chunk of time."""

from collections.abc import Iterable

from onnx2snn_runtime.kernels.chunks import at
from onnx2snn_runtime.program.interpreter import Frame


def frame_at(frame: Frame, varying: Iterable[str], index: int) -> Frame:
    """Return a frame with the values of step `index` of the chunk in `frame`; those in `varying` are [n, ...]."""
    values = dict(frame.values)
    values.update((name, at(values[name], index)) for name in varying if name in values)
    return Frame(frame.dtype, frame.device, values, dict(frame.host))
