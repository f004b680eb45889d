"""Encoder `direct`: the input is a constant current, synapses receive its exact value at every step."""

from dataclasses import dataclass
from typing import ClassVar

from onnx2snn_runtime.encoders.base import ENCODERS


@ENCODERS.register("direct")
@dataclass(frozen=True)
class Direct:
    """x(t) = x; nothing is encoded."""

    payloads: ClassVar[tuple[str, ...]] = ("change", "gradient", "value")
