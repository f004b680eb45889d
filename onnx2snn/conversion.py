"""The conversion from an ONNX model to a spiking network: the ordered passes, and what surrounds them."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from onnx2snn.data.samples import calibration_inputs, hold_back, sample_count
from onnx2snn.evaluation.equivalence import check_equivalence
from onnx2snn.fitting.adaptation import Adaptation, adapt
from onnx2snn.fitting.calibrate import SCALES, calibrate, check_range, power_of_two
from onnx2snn.passes.base import run_passes
from onnx2snn.pipeline import pipeline, prepare
from onnx2snn.version import VERSION
from onnx2snn_runtime.encoders.base import ENCODERS
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.ir.schema import ModelDefaults, write_defaults
from onnx2snn_runtime.loading import check_device, place
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.settings import make_settings

Progress = Callable[[str, float], None]
NEURONS = ("region", "elementwise")
MADE_UP = (
    "no calibration data was given: ranges were measured on made-up inputs, and accuracy is not to be expected; "
    "give real samples with --calibration"
)


@dataclass
class ConversionReport:
    """What a conversion did and what came of it on held-back samples, at the default number of time steps.

    `neurons_by_kind` counts populations by operator; `raised` and `mantissa_raised` hold the levels and mantissa bits
    of the populations that adaptation changed. `relative_error` is |spiking - plain| / |plain| and `agreement` the
    share of equal top-1, from 0 to 1 (None for outputs without classes); `reached` says whether the tolerance
    was. `synthetic`: the samples were made up. `passes` are (name, sites changed, seconds), `warnings` sentences.
    """

    source: str = ""
    populations: int = 0
    neurons_by_kind: dict[str, int] = field(default_factory=dict)
    calibration_samples: int = 0
    synthetic: bool = False
    raised: dict[str, int] = field(default_factory=dict)
    mantissa_raised: dict[str, int] = field(default_factory=dict)
    relative_error: float | None = None
    agreement: float | None = None
    reached: bool = False
    warnings: list[str] = field(default_factory=list)
    passes: list[tuple[str, int, float]] = field(default_factory=list)
    seconds: float = 0.0


def convert(
    model: str | Path | onnx.ModelProto,
    calibration: Any = None,
    *,
    samples: int | None = None,
    timesteps: int = 4,
    dynamics: str = "differential",
    dynamics_options: Mapping[str, Any] | None = None,
    schedule: str = "exponential",
    schedule_options: Mapping[str, float] | None = None,
    levels: int = 12,
    mantissa: int = 1,
    scale: str = "layer",
    range: str = "maximum",
    neurons: str = "region",
    encoder: str = "direct",
    delay: int = 0,
    adapt: bool = True,
    tolerance: float = 0.01,
    budget: float = 60.0,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> SpikingModel:
    """Return the spiking network that the ONNX `model` becomes (a path, a ModelProto or a zoo name), not retrained.

    Data: `calibration` maps input names to arrays or tensors [samples, ...], in the type and the normalisation that the
    model takes (one array for a model of one input); a few dozen do. A quarter of them, 16 at most, is held back to try
    the result, the rest sets the scales. Without any, inputs are made up and accuracy is not to be expected. `samples`
    draws so many.

    Network: `neurons` "region" makes a neuron of any group of operators, "elementwise" of scalar functions alone. Each
    population's `scale` is one number a "layer", "channel" or "neuron", a power of two that covers the `range` of its
    outputs: their "maximum", or the "percentile" 99.9 % (for if and lif).

    Defaults of the file, which a run can override: `timesteps`, `dynamics` (differential, signgd, subgradient, if, lif)
    with its options, `schedule`, `delay` (steps a spike is on its way, 0 or 1). `encoder` other than "direct" makes the
    float inputs spike, too; that is built in. `levels` (exponents) and `mantissa` (bits) are those of a graded spike.

    With `adapt` (differential alone) levels and mantissa bits rise where they matter most, for `budget` seconds at
    most, until the relative error of the outputs at `timesteps`, on the samples held back, is within `tolerance`
    (0.01: 1 %). `device` is where this runs and where the result lies; `progress` is called with a stage and the share
    done.

    The result's `conversion` is a `ConversionReport`. Raises InputError for options and data, RegistryError for names
    that do not exist, UnsupportedError with everything that cannot be converted, ModelError for a broken model, or one
    without a nonlinearity. Source of the signGD neuron: Oh & Lee, ICML 2024 (arXiv 2407.01645).
    """
    start = time.perf_counter()
    _check_options(neurons, scale, encoder, levels, mantissa, timesteps)
    check_range(range, scale)
    _check_run(dynamics, dynamics_options, schedule, schedule_options, encoder, delay)
    check_device(device)
    _check_effort(tolerance, budget)
    tell = progress or (lambda stage, fraction: None)
    work = prepare(model, neurons, encoder)
    report = ConversionReport(source=work.where)
    original = onnx.ModelProto()
    original.CopyFrom(work.model)
    records = run_passes(pipeline(neurons), work, lambda name, fraction: tell(name, 0.3 * fraction))
    report.passes = [(r.name, r.sites, r.seconds) for r in records]
    inputs = calibration_inputs(work.model, calibration, samples, seed)
    report.calibration_samples, report.synthetic = sample_count(inputs), calibration is None
    report.warnings += [MADE_UP] if calibration is None else []
    ranges, held = hold_back(inputs)
    defaults = ModelDefaults(
        dynamics=dynamics,
        dynamics_options=dict(dynamics_options or {}),
        schedule=schedule,
        schedule_options=dict(schedule_options or {}),
        encoder=encoder,
        spiking_inputs=_spiking_inputs(work.model, encoder),
        input_scales=_input_scales(ranges),
        timesteps=timesteps,
        batch=work.batch,
        neurons=neurons,
        delay=delay,
        producer=f"onnx2snn {VERSION}",
    )
    calibrate(
        work.model, ranges, scale=scale, range=range, levels=levels, mantissa=mantissa, fixed=work.batch,
        progress=lambda fraction: tell("measuring ranges", 0.3 + 0.3 * fraction),
    )  # fmt: skip
    write_defaults(work.model, defaults)
    tell("checking against the original", 0.6)
    check_equivalence(original, work.model, _few(held, max(4, work.batch)), work)
    snn = place(SpikingModel(work.model, work.where), device)
    _adapt(snn, held, report, timesteps, tolerance, budget if adapt and dynamics == "differential" else 0.0, tell)
    _conclude(snn, report, work.warnings, time.perf_counter() - start)
    return snn


def _conclude(snn: SpikingModel, report: ConversionReport, warnings: list[str], seconds: float) -> None:
    """Complete the report and attach it to the network."""
    report.populations = len(snn.program.populations)
    report.neurons_by_kind = dict(Counter(p.op_type for p in snn.program.populations).most_common())
    report.warnings = [*warnings, *report.warnings]
    report.seconds = seconds
    snn.set_defaults(calibration=_summary(report))
    snn.conversion = report


def _few(inputs: Mapping[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    return {name: value[:count] if value.ndim else value for name, value in inputs.items()}


def _check_effort(tolerance: float, budget: float) -> None:
    if not tolerance > 0 or not budget >= 0:
        raise InputError(f"tolerance is {tolerance} and budget {budget}: give an error above 0 and 0 or more seconds")


def _adapt(
    snn: SpikingModel,
    held: Mapping[str, np.ndarray],
    report: ConversionReport,
    timesteps: int,
    tolerance: float,
    budget: float,
    tell: Progress,
) -> None:
    done: Adaptation = adapt(
        snn, held, timesteps=timesteps, tolerance=tolerance, budget=budget,
        progress=lambda fraction: tell("adapting levels", 0.65 + 0.35 * fraction),
    )  # fmt: skip
    report.relative_error, report.agreement, report.reached = done.relative_error, done.agreement, done.reached
    report.raised, report.mantissa_raised = done.raised, done.mantissa
    if not done.reached:
        why = "the time budget was spent" if done.out_of_time and budget else "more levels do not help"
        report.warnings.append(
            f"the network is off by {done.relative_error:.1%} (relative) at T={timesteps} on held-back samples, "
            f"the tolerance is {tolerance:.1%}: {why if budget else 'levels were not adapted'}; take more time steps"
        )


def _check_options(neurons: str, scale: str, encoder: str, levels: int, mantissa: int, timesteps: int) -> None:
    for value, known, what in ((neurons, NEURONS, "neurons"), (scale, SCALES, "scale"), (encoder, ENCODERS, "encoder")):
        if value not in known:
            raise InputError(f"there is no choice {value!r} for {what}: choose {', '.join(known)}")
    if not 1 <= levels <= 100 or not 0 <= mantissa <= 20:
        raise InputError(f"levels is {levels} and mantissa {mantissa}: give 1 to 100 levels and 0 to 20 mantissa bits")
    if timesteps < 1:
        raise InputError(f"timesteps is {timesteps}: give 1 or more")


def _check_run(
    dynamics: str,
    dynamics_options: Mapping[str, Any] | None,
    schedule: str,
    schedule_options: Mapping[str, float] | None,
    encoder: str,
    delay: int,
) -> None:
    """Raise what a run would raise, before any work is done."""
    defaults = ModelDefaults(
        dynamics=dynamics,
        dynamics_options=dict(dynamics_options or {}),
        schedule=schedule,
        schedule_options=dict(schedule_options or {}),
        encoder=encoder,
        spiking_inputs=() if encoder == "direct" else ("any",),
        delay=delay,
    )
    make_settings(defaults, {})


def _input_scales(inputs: Mapping[str, np.ndarray]) -> dict[str, float]:
    floats = {name: value for name, value in inputs.items() if value.dtype.kind == "f"}
    return {name: float(power_of_two(np.abs(value).max(initial=0.0))) for name, value in floats.items()}


def _spiking_inputs(model: onnx.ModelProto, encoder: str) -> tuple[str, ...]:
    if encoder == "direct":
        return ()
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)
    return tuple(v.name for v in model.graph.input if v.type.tensor_type.elem_type in floats)


def _summary(report: ConversionReport) -> dict[str, Any]:
    return {
        "samples": report.calibration_samples,
        "synthetic": report.synthetic,
        "relative_error": report.relative_error,
        "agreement": report.agreement,
    }
