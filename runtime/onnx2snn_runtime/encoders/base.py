"""What an input coding is: a dynamics whose target is the input itself, or `direct`, which needs none."""

from collections.abc import Mapping
from typing import Any

from onnx2snn_runtime.dynamics.base import Dynamics
from onnx2snn_runtime.registry import Registry
from onnx2snn_runtime.schedules.base import Schedule, construct

ENCODERS: Registry[type[Any]] = Registry("encoder", "onnx2snn_runtime.encoders")


def make_encoder(name: str, schedule: Schedule, options: Mapping[str, Any] | None = None) -> Dynamics | None:
    """Return the encoder `name`, a dynamics, or None for `direct`: the input is a constant current."""
    cls = ENCODERS[name]
    if name == "direct":
        return None
    scheduled = {"schedule": schedule} if "schedule" in cls.__dataclass_fields__ else {}
    encoder: Dynamics = construct(cls, f"encoder {name!r}", {**scheduled, **(options or {})})
    return encoder
