"""The options of `onnx2snn convert` that are settings: named as these, with their defaults and bounds."""

import click

from onnx2snn.cli import options
from onnx2snn.cli.sections import chain, option
from onnx2snn.settings import AdaptationSettings, NetworkSettings
from onnx2snn.settings.network import WEIGHTS
from onnx2snn.settings.payload import PAYLOADS
from onnx2snn.settings.ranges import RANGES, SCALES
from onnx2snn.settings.spikes import MOST_LEVELS, MOST_MANTISSA, MOST_STEPS

ranges = chain(
    option("--samples", type=click.IntRange(1), help="Calibration samples to take; by default all."),
    option(
        "--scale",
        type=click.Choice(SCALES),
        help="What gets a scale of its own; by default a layer, and a channel for ternary spikes.",
    ),
    option(
        "--range",
        type=click.Choice(RANGES),
        help="What a scale covers: every output, 99.9 % of them (for if and lif), or a fit (the default of ternary).",
    ),
    options.seed,
)
spikes = chain(
    option(
        "--payload",
        type=click.Choice(list(PAYLOADS)),
        help="What a spike may carry: sign, exponent and mantissa (graded, the default), sign and exponent (power), "
        "sign or silence (ternary), a sign at every step (binary), a spike or none (unary). The rest follows from it.",
    ),
    option("--bits", type=click.IntRange(1), help="Bits of a graded spike or a power; by default 8, and 5 of a power."),
    option(
        "--timesteps",
        type=click.IntRange(1, MOST_STEPS),
        help="Time steps that a run takes; by default what is found to do.",
    ),
    option("--levels", type=click.IntRange(1, MOST_LEVELS), help="Exponents of a graded spike, to begin with."),
    option("--mantissa", type=click.IntRange(0, MOST_MANTISSA), help="Mantissa bits of a graded spike, to begin with."),
    options.dynamics,
)
network = chain(
    options.structure,
    options.recurrence,
    option(
        "--weights",
        type=click.Choice(WEIGHTS),
        default=NetworkSettings.weights,
        show_default=True,
        help="Weights of synapses: as they are, or 8-bit integers with a scale a channel.",
    ),
    option(
        "--relays/--no-relays",
        default=NetworkSettings.relays,
        show_default=True,
        help="Put a neuron where the output of a synapse would meet weights, for streams: it sends what has changed.",
    ),
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
        help="Find the cheapest setting within the tolerance.",
    ),
    option(
        "--tolerance",
        type=click.FloatRange(0, min_open=True),
        help="Relative error to reach; by default 0.01, and 0.1 with ternary spikes.",
    ),
    option(
        "--budget",
        type=click.FloatRange(0),
        default=AdaptationSettings.budget,
        show_default=True,
        help="Seconds that adaptation may take.",
    ),
)
