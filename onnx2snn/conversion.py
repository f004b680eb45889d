"""The conversion from an ONNX model to a spiking network: the ordered passes, and what surrounds them."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from onnx2snn.adaptation import Adaptation, adapt
from onnx2snn.calibrate import SCALES, calibrate, check_range, power_of_two
from onnx2snn.equivalence import check_equivalence
from onnx2snn.passes.base import run_passes
from onnx2snn.pipeline import pipeline, prepare
from onnx2snn.samples import calibration_inputs, hold_back, sample_count
from onnx2snn.version import VERSION
from onnx2snn_runtime.encoders.base import ENCODERS
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.ir.schema import ModelDefaults, write_defaults
from onnx2snn_runtime.model import SpikingModel, place

Progress = Callable[[str, float], None]
NEURONS = ("region", "elementwise")


@dataclass
class ConversionReport:
    """What a conversion did and what came of it on held-back samples, at the default number of time steps."""

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
    """Return the spiking network that the ONNX `model` becomes (a path, a ModelProto or a zoo name).

    `calibration` maps input names to arrays [samples, ...] (one array for a model of one input); without any, inputs
    are made up and accuracy is not to be expected. With `adapt`, levels and mantissa bits rise, for `budget` seconds at
    most, until the relative error at `timesteps` on held-back samples is within `tolerance`. The result's `conversion`
    says what was done. Raises InputError for options and data, UnsupportedError for what cannot be converted.
    """
    start = time.perf_counter()
    _check_options(neurons, scale, encoder, levels, mantissa, timesteps)
    check_range(range, scale)
    tell = progress or (lambda stage, fraction: None)
    work = prepare(model, neurons, encoder)
    report = ConversionReport(source=work.where)
    original = onnx.ModelProto()
    original.CopyFrom(work.model)
    records = run_passes(pipeline(neurons), work, lambda name, fraction: tell(name, 0.3 * fraction))
    report.passes = [(r.name, r.sites, r.seconds) for r in records]
    inputs = calibration_inputs(work.model, calibration, samples, seed)
    report.calibration_samples, report.synthetic = sample_count(inputs), calibration is None
    if calibration is None:
        report.warnings.append(
            "no calibration data was given: ranges were measured on made-up inputs, and accuracy is not to be "
            "expected; give real samples with --calibration"
        )
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
    few = {name: value[: max(4, work.batch)] if value.ndim else value for name, value in held.items()}
    check_equivalence(original, work.model, few, work)
    snn = place(SpikingModel(work.model, work.where), device)
    _adapt(snn, held, report, timesteps, tolerance, budget if adapt and dynamics == "differential" else 0.0, tell)
    report.populations = len(snn.program.populations)
    report.neurons_by_kind = dict(Counter(p.op_type for p in snn.program.populations).most_common())
    report.warnings = [*work.warnings, *report.warnings]
    report.seconds = time.perf_counter() - start
    snn.set_defaults(calibration=_summary(report))
    snn.conversion = report
    return snn


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
