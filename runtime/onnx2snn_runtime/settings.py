"""Builds the settings of a run from a model's defaults and the overrides of the caller."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from onnx2snn_runtime.dynamics.base import make_dynamics
from onnx2snn_runtime.encoders.base import make_encoder
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.execution.probe import Probe
from onnx2snn_runtime.ir.schema import ModelDefaults
from onnx2snn_runtime.schedules.base import Schedule, make_schedule

OVERRIDES = ("dynamics", "dynamics_options", "schedule", "schedule_options", "encoder", "encoder_options", "delay")
ARGUMENTS = ("timesteps", "probes", "executor", "operations", "batch_size", "max_memory", "early_exit", "cuda_graphs")
"""Arguments of a run itself, which may be misspelt as well."""


def make_settings(defaults: ModelDefaults, overrides: Mapping[str, Any], probes: Sequence[Probe] = ()) -> Settings:
    """Return the settings of a run: `defaults`, replaced by `overrides`; an unknown override raises InputError.

    The model's options of a schedule or a dynamics apply only if that schedule or dynamics is not overridden.
    """
    for name in overrides:
        if name not in OVERRIDES:
            near = get_close_matches(name, [*OVERRIDES, *ARGUMENTS], 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InputError(f"a run has no option {name!r}: it has {', '.join(OVERRIDES)}{hint}")
    schedule = _schedule(defaults, overrides)
    name = overrides.get("dynamics") or defaults.dynamics
    own = overrides.get("dynamics_options") or (defaults.dynamics_options if name == defaults.dynamics else {})
    dynamics = make_dynamics(name, schedule, own)
    coding = overrides.get("encoder") or defaults.encoder
    options = overrides.get("encoder_options")
    if options is None and coding == defaults.encoder:
        options = defaults.encoder_options
    encoder = make_encoder(coding, dynamics, schedule, options)
    delay = overrides.get("delay", defaults.delay)
    if delay not in (0, 1):
        raise InputError(f"the delay is {delay!r}: give 0 (spikes arrive within their step) or 1 (in the next one)")
    if (encoder is None) != (not defaults.spiking_inputs):
        raise InputError(
            f"the model was converted for the input coding {defaults.encoder!r} and cannot run with {coding!r}: "
            f"convert it again with --encoder {coding}"
        )
    return Settings(dynamics, encoder, defaults.input_scales, defaults.input_dead_zones, tuple(probes), delay)


def _schedule(defaults: ModelDefaults, overrides: Mapping[str, Any]) -> Schedule | None:
    """Return the schedule of the run or of the model, or None, the dynamics' default, if neither sets one."""
    chosen = overrides.get("schedule") or overrides.get("schedule_options")
    if not chosen and (defaults.schedule, defaults.schedule_options) == (ModelDefaults.schedule, {}):
        return None
    name = overrides.get("schedule") or defaults.schedule
    inherited = defaults.schedule_options if name == defaults.schedule else {}
    return make_schedule(name, overrides.get("schedule_options") or inherited)
