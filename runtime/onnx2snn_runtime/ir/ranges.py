"""Checks that the settings which an IR file records make sense; what their names stand for is known where it runs."""

from typing import Any

import onnx

from onnx2snn_runtime.errors import ModelError
from onnx2snn_runtime.ir.schema import ModelDefaults

MOST_STEPS = 1_000_000
"""No file asks for more time steps than this, which a run may."""

MOST_COARSE = 20
"""Octaves by which the first pass of a stream is coarser."""

LARGEST = 1e300
"""No setting is further from 0."""

MOST_SAMPLES = 4096
"""A fixed batch that no input has the size of is no larger: what is given is filled up to it."""


def check_defaults(model: onnx.ModelProto, d: ModelDefaults, where: str) -> None:
    """Raise ModelError for the first setting of `model` that is out of its range."""
    inputs = {value.name for value in model.graph.input}
    sizes = {dim.dim_value for value in model.graph.input for dim in value.type.tensor_type.shape.dim}
    problems = (
        ("ir_version", d.ir_version, d.ir_version >= 1),
        ("timesteps", d.timesteps, 1 <= d.timesteps <= MOST_STEPS),
        ("batch", d.batch, 0 <= d.batch <= MOST_SAMPLES or d.batch in sizes),
        ("coarse", d.coarse, 0 <= d.coarse <= MOST_COARSE),
        ("margin", d.margin, _is_number(d.margin) and d.margin >= 0),
        ("delay", d.delay, d.delay in (0, 1)),
        ("spiking_inputs", d.spiking_inputs, all(isinstance(n, str) and n in inputs for n in d.spiking_inputs)),
        ("settings", d.settings, all(isinstance(part, dict) for part in d.settings.values())),
        ("input_scales", d.input_scales, all(_is_number(x) and x > 0 for x in d.input_scales.values())),
        ("input_dead_zones", d.input_dead_zones, all(_is_number(x) and x >= 0 for x in d.input_dead_zones.values())),
        ("encoder_options", d.encoder_options, all(map(_is_plain, d.encoder_options.values()))),
        ("dynamics_options", d.dynamics_options, all(map(_is_plain, d.dynamics_options.values()))),
        ("schedule_options", d.schedule_options, all(map(_is_number, d.schedule_options.values()))),
    )
    for name, value, right in problems:
        if not right:
            raise ModelError(
                f"the metadata {name!r} of {where} is out of range ({str(value)[:60]}): convert the model again"
            )


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and -LARGEST <= value <= LARGEST  # what JSON holds may be a whole number of any length


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | str) or _is_number(value)
