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
from onnx2snn.ann import run_ann
from onnx2snn.calibrate import SCALES, calibrate, check_range, power_of_two
from onnx2snn.passes.base import Pass, Work, run_passes
from onnx2snn.passes.check_model import check_model
from onnx2snn.passes.decompose_instance_normalization import decompose_instance_normalization
from onnx2snn.passes.decompose_layer_normalization import decompose_layer_normalization
from onnx2snn.passes.decompose_lp_normalization import decompose_lp_normalization
from onnx2snn.passes.decompose_matmul import decompose_matmul
from onnx2snn.passes.decompose_max_pool import decompose_max_pool
from onnx2snn.passes.decompose_maximum import decompose_maximum
from onnx2snn.passes.decompose_reduction import decompose_reduction
from onnx2snn.passes.decompose_softmax import decompose_softmax
from onnx2snn.passes.drop_identities import drop_identities
from onnx2snn.passes.drop_string_outputs import drop_string_outputs
from onnx2snn.passes.expand_fused import expand_fused
from onnx2snn.passes.expand_machines import expand_machines
from onnx2snn.passes.expand_quantised import expand_quantised
from onnx2snn.passes.export_graph import export_graph
from onnx2snn.passes.fold_batch_normalization import fold_batch_normalization
from onnx2snn.passes.fold_constants import fold_constants
from onnx2snn.passes.free_batch import free_batch
from onnx2snn.passes.import_graph import import_graph
from onnx2snn.passes.inline_functions import inline_functions
from onnx2snn.passes.raise_opset import raise_opset
from onnx2snn.passes.repair_exports import repair_exports
from onnx2snn.passes.replace_cast_like import replace_cast_like
from onnx2snn.passes.split_shared_logic import split_shared_logic
from onnx2snn.passes.unroll_recurrence import unroll_recurrence
from onnx2snn.passes.widen_bfloat16 import widen_bfloat16
from onnx2snn.passes.write_neurons import write_neurons
from onnx2snn.support import is_supported
from onnx2snn.synthetic import synthetic_inputs
from onnx2snn.version import VERSION
from onnx2snn_runtime.encoders.base import ENCODERS
from onnx2snn_runtime.errors import InputError, ModelError
from onnx2snn_runtime.inputs import check_input, named_inputs
from onnx2snn_runtime.ir.large import is_large
from onnx2snn_runtime.ir.schema import ModelDefaults, write_defaults
from onnx2snn_runtime.ir.verify import read_model, verify
from onnx2snn_runtime.model import SpikingModel, place
from onnx2snn_runtime.program import ports

Progress = Callable[[str, float], None]
NEURONS = ("region", "elementwise")
HELD_BACK = 4
"""One calibration sample in so many is held back from the ranges, to try the converted network on."""
MOST_HELD_BACK = 16
_ROUNDING = frozenset({"QuantizeLinear", "Round", "Floor", "Ceil"})
"""Operators that turn a difference in the last bit, from another order of summation, into one of a whole step."""

REPAIRS: tuple[Pass, ...] = (
    repair_exports,
    widen_bfloat16,
    drop_string_outputs,
    expand_fused,  # before the quantised operators: some are fused with them
    expand_quantised,
    expand_machines,
)
"""What comes first of all: what these make of a model is what the result is compared with."""

FRONT: tuple[Pass, ...] = (
    check_model,  # before anything is rewritten: names every node that cannot be converted
    inline_functions,  # before the opset is raised: the version converter drops functions
    raise_opset,
    replace_cast_like,  # before constants are folded: what is cast may be one
    fold_constants,  # before the graph is opened: exact shapes, no shape arithmetic left
    unroll_recurrence,  # behind the folding of constants: lengths, weights and conditions are known then
    free_batch,
    import_graph,
    drop_identities,
    fold_batch_normalization,  # before classification: what is left of it would be a synapse of its own
)
ELEMENTWISE: tuple[Pass, ...] = (
    decompose_max_pool,
    decompose_layer_normalization,
    decompose_instance_normalization,
    decompose_lp_normalization,
    decompose_softmax,
    decompose_reduction,
    decompose_matmul,
    decompose_maximum,
)
BACK: tuple[Pass, ...] = (
    split_shared_logic,  # before regions: no neuron may have to send integers, booleans or two values
    write_neurons,
    export_graph,  # nothing that optimises comes after this
)


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


def pipeline(neurons: str) -> tuple[Pass, ...]:
    """Return the passes of a conversion, in order."""
    return (*FRONT, *(ELEMENTWISE if neurons == "elementwise" else ()), *BACK)


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
    """Return the spiking network that the ONNX `model` (a path or a ModelProto) becomes, without retraining.

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
    inputs = _calibration(work.model, calibration, samples, seed, report)
    ranges, held = _split(inputs, work.batch)
    defaults = ModelDefaults(
        dynamics=dynamics,
        dynamics_options=dict(dynamics_options or {}),
        schedule=schedule,
        schedule_options=dict(schedule_options or {}),
        encoder=encoder,
        spiking_inputs=_spiking_inputs(work.model, encoder),
        input_scales={
            n: float(power_of_two(np.abs(v).max(initial=0.0))) for n, v in ranges.items() if v.dtype.kind == "f"
        },
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
    check_equivalence(
        original, work.model, {name: value[: max(1, work.batch, 4)] for name, value in held.items()}, work
    )
    snn = place(SpikingModel(work.model, work.where), device)
    _adapt(snn, held, report, timesteps, tolerance, budget if adapt and dynamics == "differential" else 0.0, tell)
    report.populations = len(snn.program.populations)
    report.neurons_by_kind = dict(Counter(p.op_type for p in snn.program.populations).most_common())
    report.warnings = [*work.warnings, *report.warnings]
    report.seconds = time.perf_counter() - start
    snn.set_defaults(calibration=_summary(report))
    snn.conversion = report
    return snn


def prepare(model: str | Path | onnx.ModelProto, neurons: str = "region", encoder: str = "direct") -> Work:
    """Return the work that the passes start from: a copy of the model, through `REPAIRS`."""
    if isinstance(model, onnx.ModelProto):
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        work = Work(copy, "the model", is_supported, neurons, encoder)
    else:
        work = Work(read_model(model), repr(str(model)), is_supported, neurons, encoder)
    run_passes(REPAIRS, work)
    return work


def check_equivalence(
    original: onnx.ModelProto, model: onnx.ModelProto, inputs: Mapping[str, np.ndarray], work: Work
) -> None:
    """Check that the IR is valid and that onnxruntime computes with it what it computes with the original."""
    if not is_large(model):
        onnx.checker.check_model(model, full_check=True)
    verify(model, work.where)
    before = run_ann(original, inputs, 4, fixed=_fixed_batch(original))
    after = run_ann(model, inputs, work.batch or 4, fixed=work.batch)
    rounds = any(node.op_type in _ROUNDING for node in original.graph.node)
    for name, value in before.items():
        if value.dtype.kind == "f":
            norm = np.linalg.norm(value[np.isfinite(value)].astype(np.float64))
            finite = np.isfinite(value)
            gap = np.linalg.norm((after[name] - value)[finite].astype(np.float64)) / (norm or 1.0)
            limit = 1e-2 if value.dtype == np.float16 or rounds else 1e-4
            if not gap <= limit:
                raise ModelError(
                    f"the output {name!r} of the rewritten graph differs from that of {work.where} by {gap:.2g} "
                    "(relative): this is a fault of onnx2snn; please report it with the model"
                )


def _fixed_batch(model: onnx.ModelProto) -> int:
    """Return the batch size that the inputs of `model` declare, 0 where it is free."""
    weights = {tensor.name for tensor in model.graph.initializer}
    dims = [v.type.tensor_type.shape.dim for v in model.graph.input if v.name not in weights]
    return max((d[0].dim_value for d in dims if d), default=0)


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


def _calibration(
    model: onnx.ModelProto, calibration: Any, samples: int | None, seed: int, report: ConversionReport
) -> dict[str, np.ndarray]:
    if calibration is None:
        report.synthetic = True
        report.warnings.append(
            "no calibration data was given: ranges were measured on made-up inputs, and accuracy is not to be "
            "expected; give real samples with --calibration"
        )
        inputs = synthetic_inputs(model, seed)
    else:
        wanted = ports(model)
        named = named_inputs(calibration, wanted)
        inputs = {port.name: np.asarray(named[port.name]) for port in wanted}
        for port in wanted:
            check_input(inputs[port.name], port)
    sizes = {len(value) for value in inputs.values() if value.ndim}
    if len(sizes) > 1:
        raise InputError(f"the calibration inputs differ in their number of samples: {sorted(sizes)}")
    count = next(iter(sizes), 1)
    if samples is not None and samples < 1:
        raise InputError(f"samples is {samples}: give 1 or more")
    if not count:
        raise InputError("the calibration data has no samples: give at least one")
    for name, value in inputs.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise InputError(f"the calibration data of {name!r} holds NaN or infinite values: leave those samples out")
    if samples is not None and samples < count:
        chosen = np.sort(np.random.default_rng(seed).choice(count, samples, replace=False))
        inputs = {name: value[chosen] if value.ndim else value for name, value in inputs.items()}
        count = samples
    report.calibration_samples = count
    return inputs


def _split(inputs: Mapping[str, np.ndarray], batch: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the samples that ranges are measured on, and those held back from that to try the network on."""
    count = next((len(value) for value in inputs.values() if value.ndim), 1)
    held = min(MOST_HELD_BACK, count // HELD_BACK)
    if not held:
        return dict(inputs), dict(inputs)
    stride = count // held
    mask = np.zeros(count, bool)
    mask[stride - 1 :: stride][:held] = True
    ranges = {name: value[~mask] if value.ndim else value for name, value in inputs.items()}
    return ranges, {name: value[mask] if value.ndim else value for name, value in inputs.items()}


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
