"""The options of `onnx2snn convert` that are settings: named as these, with their defaults and bounds."""

import click

from onnx2snn.cli import options
from onnx2snn.cli.sections import chain, option
from onnx2snn.settings import AdaptationSettings, RangeSettings, SpikeSettings
from onnx2snn.settings.ranges import RANGES, SCALES
from onnx2snn.settings.spikes import MOST_LEVELS, MOST_MANTISSA

ranges = chain(
    option("--samples", type=click.IntRange(1), help="Calibration samples to take; by default all."),
    option(
        "--scale",
        type=click.Choice(SCALES),
        default=RangeSettings.scale,
        show_default=True,
        help="What gets a scale of its own.",
    ),
    option(
        "--range",
        type=click.Choice(RANGES),
        default=RangeSettings.range,
        show_default=True,
        help="What a scale covers: every output, or 99.9 % of them (for if and lif).",
    ),
    options.seed,
)
spikes = chain(
    option(
        "--timesteps",
        type=click.IntRange(1),
        default=SpikeSettings.timesteps,
        show_default=True,
        help="Time steps by default.",
    ),
    option(
        "--levels",
        type=click.IntRange(1, MOST_LEVELS),
        default=SpikeSettings.levels,
        show_default=True,
        help="Exponents that a graded spike can have.",
    ),
    option(
        "--mantissa",
        type=click.IntRange(0, MOST_MANTISSA),
        default=SpikeSettings.mantissa,
        show_default=True,
        help="Mantissa bits of a graded spike.",
    ),
    options.dynamics,
)
network = chain(
    options.structure,
    options.recurrence,
    options.delay,
    options.ports,
    option(
        "--pretrained/--no-pretrained",
        default=True,
        show_default=True,
        help="Weights of a model that is given by name.",
    ),
)
adaptation = chain(
    option(
        "--adapt/--no-adapt",
        default=AdaptationSettings.adapt,
        show_default=True,
        help="Raise levels until within the tolerance.",
    ),
    option(
        "--tolerance",
        type=click.FloatRange(0, min_open=True),
        default=AdaptationSettings.tolerance,
        show_default=True,
        help="Relative error to reach.",
    ),
    option(
        "--budget",
        type=click.FloatRange(0),
        default=AdaptationSettings.budget,
        show_default=True,
        help="Seconds that adaptation may take.",
    ),
)
