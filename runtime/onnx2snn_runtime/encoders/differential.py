"""Encoder `differential`: the input is encoded by a population of the dynamics `differential`."""

from dataclasses import dataclass
from typing import ClassVar

from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.encoders.base import ENCODERS


@ENCODERS.register("differential")
@dataclass(frozen=True)
class DifferentialEncoder(Differential):
    """v <- v + quantise(x - v): see `onnx2snn_runtime.dynamics.differential`."""

    payloads: ClassVar[tuple[str, ...]] = ("change",)
