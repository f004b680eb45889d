"""What a run may override of a model's own settings, and how they become an executor's."""

from collections.abc import Mapping, Sequence
from typing import Any

from onnx2snn_runtime.dynamics.base import make_dynamics
from onnx2snn_runtime.encoders.base import make_encoder
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.executors.base import Probe, Settings
from onnx2snn_runtime.ir.schema import ModelDefaults
from onnx2snn_runtime.schedules.base import make_schedule

OVERRIDES = ("dynamics", "dynamics_options", "schedule", "schedule_options", "encoder", "encoder_options")


def make_settings(defaults: ModelDefaults, overrides: Mapping[str, Any], probes: Sequence[Probe] = ()) -> Settings:
    """Return the settings of a run: the model's own, `overrides` in their place; an unknown one raises InputError.

    Options of a schedule or a dynamics are those of the model only where the schedule or dynamics is the model's.
    """
    for name in overrides:
        if name not in OVERRIDES:
            raise InputError(f"a run has no option {name!r}: it has {', '.join(OVERRIDES)}")
    scheduled = overrides.get("schedule") or defaults.schedule
    inherited = defaults.schedule_options if scheduled == defaults.schedule else {}
    schedule = make_schedule(scheduled, overrides.get("schedule_options") or inherited)
    name = overrides.get("dynamics") or defaults.dynamics
    own = overrides.get("dynamics_options") or (defaults.dynamics_options if name == defaults.dynamics else {})
    coding = overrides.get("encoder") or defaults.encoder
    encoder = make_encoder(coding, schedule, overrides.get("encoder_options"))
    if (encoder is None) != (not defaults.spiking_inputs):
        raise InputError(
            f"the model was converted for the input coding {defaults.encoder!r} and cannot run with {coding!r}: "
            f"convert it again with --encoder {coding}"
        )
    return Settings(make_dynamics(name, schedule, own), encoder, defaults.input_scales, tuple(probes))
