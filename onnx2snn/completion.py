"""What follows the passes: ranges, the check against the original, fitting; apart, as it brings torch."""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx

from onnx2snn.conversion_report import ConversionReport
from onnx2snn.data.samples import calibration_inputs, first, hold_back, sample_count
from onnx2snn.diagnosis.measuring import measure
from onnx2snn.evaluation.energy import EnergyTally
from onnx2snn.evaluation.equivalence import check_equivalence
from onnx2snn.evaluation.integers import floating
from onnx2snn.evaluation.wiring import population_costs
from onnx2snn.fitting.adaptation import Adaptation
from onnx2snn.fitting.advice import QUICK, advise, disagreement
from onnx2snn.fitting.calibrate import calibrate
from onnx2snn.fitting.integer_weights import fit_integers
from onnx2snn.fitting.powers import power_of_two
from onnx2snn.fitting.spikes import fit
from onnx2snn.fitting.weight_inputs import SAMPLES
from onnx2snn.passes.base import Work
from onnx2snn.reference.ann import Reference
from onnx2snn.settings import ConversionSettings
from onnx2snn.settings.payload import PAYLOADS
from onnx2snn.settings.registered import run_defaults
from onnx2snn.version import VERSION
from onnx2snn_runtime.errors import Stage
from onnx2snn_runtime.ir.recurrence import recurrences
from onnx2snn_runtime.ir.schema import ModelDefaults, write_defaults
from onnx2snn_runtime.loading import place
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.probing.energy import EnergyProfile

BATCH = 16
"""Samples that are run at a time."""
NAMED = 3
"""So many populations are named that cost most, and that err most."""
COUNTING = 3.0
"""Counting the operations of both networks, and naming what errs, takes as long as so many runs."""
Progress = Callable[[str, float], None]
MADE_UP = (
    "no calibration data was given: ranges were measured on made-up inputs, and accuracy is not to be expected; "
    "give real samples with --calibration"
)


class Completion:
    """The stages behind the passes; each adds to `report` what it did, and tells `progress` how far it is."""

    def __init__(
        self, settings: ConversionSettings, progress: Progress, energy: EnergyProfile, report: ConversionReport
    ) -> None:
        self.settings, self.tell, self.energy = settings, progress, energy
        self.report = report

    def run(self, work: Work, original: onnx.ModelProto, calibration: Any, device: str) -> SpikingModel:
        """Return the spiking network of `work`, which went through the passes, on `device`."""
        seen, held = self.samples(work, calibration)
        self.measure(work, seen, held)
        self.tell("checking against the original", 0.6)
        reference: Reference | None = check_equivalence(original, work.model, held, work)
        if self.settings.network.weights == "int8" and self.quantise(work, seen):
            reference = None  # spikes are fitted to what the integers give
        snn = place(SpikingModel(work.model, work.where), device)
        room = self.adapt(snn, held, seen, reference)
        self.note_floats(snn)
        few = _affordable(held, room, snn)
        self.count(snn, few)
        self.name_erring(snn, few)
        self.conclude(snn, work)
        return snn

    def samples(self, work: Work, calibration: Any) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return the samples that ranges are measured on, and those held back, by input name."""
        with Stage(f"reading the calibration data for {work.where}"):
            inputs = calibration_inputs(work.model, calibration, self.settings.ranges, work.axes)
        self.report.calibration_samples = sample_count(inputs, work.axes)
        self.report.synthetic = calibration is None
        self.report.warnings += [MADE_UP] if calibration is None else []
        seen, held = hold_back(inputs, work.axes)
        self.report.held_back = any(held[name] is not value for name, value in seen.items())
        if calibration is not None and not self.report.held_back and not work.axes.joint:
            self.report.warnings.append(
                f"too few calibration samples ({self.report.calibration_samples}) to hold any back: the result was "
                "tried on those that set the ranges, and may be worse on others; give a few dozen"
            )
        return seen, held

    def measure(self, work: Work, inputs: Mapping[str, np.ndarray], held: Mapping[str, np.ndarray]) -> None:
        """Write the parameters of every population and the defaults of the model into the IR."""
        with Stage(f"measuring the ranges of {work.where}"):
            widened = self._calibrate(work, inputs, held)
        if widened:
            self.report.warnings.append(
                f"the calibration data show too little of the range of populations such as {widened[0]!r} "
                f"({len(widened)} of {self.report.populations}): samples held back from it lie far beyond, and others "
                "may lie further; give more samples"
            )
        defaults = ModelDefaults(
            **run_defaults(self.settings),
            ir_version=2 if recurrences(work.model.graph) else 1,
            spiking_inputs=_spiking_inputs(work.model, self.settings.network.encoder),
            input_scales=_input_scales(inputs),
            **work.axes.recorded(),
            producer=f"onnx2snn {VERSION}",
        )
        write_defaults(work.model, defaults)

    def quantise(self, work: Work, inputs: Mapping[str, np.ndarray]) -> int:
        """Write the weights of synapses as integers that fit `inputs`, note what stays float; return how many."""
        with Stage(f"rounding the weights of {work.where}"):
            sites, left = fit_integers(work.model, first(inputs, SAMPLES, work.axes), work.axes)
        self.report.passes.append(("quantise_weights", sites, 0.0))
        if left:
            self.report.warnings.append(f"the weights of {', '.join(sorted(set(left)))} are not 8-bit integers")
        return sites

    def note_floats(self, snn: SpikingModel) -> None:
        """Note what is evaluated in floating point where weights are integers."""
        if self.settings.network.weights == "int8":
            self.report.notes = [*self.report.notes, "in floating point: " + "; ".join(floating(snn))]

    def _calibrate(self, work: Work, inputs: Mapping[str, np.ndarray], held: Mapping[str, np.ndarray]) -> list[str]:
        payload = PAYLOADS[self.settings.spikes.kind]
        ranges = self.settings.ranges.following(payload.scale, payload.range)
        return calibrate(
            work.model, inputs, ranges, self.settings.spikes, axes=work.axes,
            others=held if self.report.held_back else {},
            progress=lambda share: self.tell("measuring ranges", 0.3 + 0.3 * share),
        )  # fmt: skip

    def adapt(
        self,
        snn: SpikingModel,
        held: Mapping[str, np.ndarray],
        seen: Mapping[str, np.ndarray],
        reference: Reference | None,
    ) -> float:
        """Fit the spikes to the samples held back, where that is wanted; try the network on them anyway.

        Return how many runs on these samples fit into what is left of the budget.
        """
        spikes, wanted = self.settings.spikes.resolved(), self.settings.adaptation
        tolerance = PAYLOADS[spikes.payload].tolerance if wanted.tolerance is None else wanted.tolerance
        budget = wanted.budget if wanted.adapt else 0.0
        done = fit(
            snn, held, spikes, seen=seen, reference=reference, tolerance=tolerance, budget=budget,
            fits_scales=self.settings.ranges.scale is None and self.settings.ranges.range is None,
            progress=lambda share: self.tell("adapting spikes", 0.65 + 0.35 * share),
        )  # fmt: skip
        snn.set_defaults(timesteps=done.timesteps)
        start = time.perf_counter()
        self._tell_of(done, snn, held, tolerance, budget)
        left = done.left - (time.perf_counter() - start)
        return left / max(1e-9, done.seconds) if budget else math.inf

    def _tell_of(
        self, done: Adaptation, snn: SpikingModel, held: Mapping[str, np.ndarray], tolerance: float, budget: float
    ) -> None:
        """Report what came of fitting."""
        report = self.report
        report.relative_error, report.agreement, report.reached = done.relative_error, done.agreement, done.reached
        report.raised, report.mantissa_raised, report.notes = done.levels, done.mantissa, done.notes
        report.timesteps, report.not_finite = done.timesteps, done.not_finite
        if done.not_finite:
            report.warnings.append(
                f"{done.not_finite} values of the outputs, on held-back samples, are NaN or infinite in one of the two "
                "networks alone: look for an overflow or a division by 0 in the model"
            )
        elif not done.reached:
            left = done.left if budget else QUICK
            why = "the time budget was spent" if done.out_of_time and budget else "nothing that was tried comes nearer"
            report.warnings.append(
                f"the network is off by {done.relative_error:.1%} (relative) at T={done.timesteps} on held-back "
                f"samples, the tolerance is {tolerance:.1%}: {why if budget else 'spikes were not adapted'}; "
                f"{advise(snn, held, done.expected, done.timesteps, tolerance, seconds=done.seconds, left=left)}"
            )
        elif warning := disagreement(done.agreement, done.relative_error):
            report.warnings.append(warning)

    def count(self, snn: SpikingModel, held: Mapping[str, np.ndarray]) -> None:
        """Count the operations of the network, and of the plain one, on samples held back."""
        self.tell("counting operations", 1.0)
        run = snn.run(held, snn.defaults.timesteps, batch_size=BATCH, operations=True)
        tally = EnergyTally(run.operations, snn.plain_operations(held, BATCH))
        found = self.report.energy = tally.figures(snn, self.energy, by_layer=True)
        self.report.costliest = list(population_costs(snn.proto, found["layers"]).items())[:NAMED]

    def name_erring(self, snn: SpikingModel, held: Mapping[str, np.ndarray]) -> None:
        """Name the populations that add most error, on a few of the samples held back."""
        t = snn.defaults.timesteps
        found = measure(snn, first(held, NAMED, snn.program.axes), [t]).populations
        worst = sorted(found, key=lambda one: -one.at[t].own_error)[:NAMED]
        self.report.erring = [(one.name, one.at[t].own_error) for one in worst]

    def conclude(self, snn: SpikingModel, work: Work) -> None:
        """Complete the report and attach it to the network."""
        report, populations = self.report, snn.program.populations
        report.populations = len(populations)
        report.neurons_by_kind = dict(Counter(p.op_type for p in populations).most_common())
        report.warnings = [*work.warnings, *report.warnings]
        snn.set_defaults(calibration=report.summary())
        snn.conversion = report


def _affordable(held: Mapping[str, np.ndarray], room: float, snn: SpikingModel) -> Mapping[str, np.ndarray]:
    """Return as many of the samples as there is time to look at, which is that of `room` runs on all of them."""
    axes = snn.program.axes
    if room >= COUNTING or axes.joint:
        return held
    return first(held, max(1, axes.size, int(sample_count(held, axes) * room / COUNTING)), axes)


def _input_scales(inputs: Mapping[str, np.ndarray]) -> dict[str, float]:
    floats = {name: value for name, value in inputs.items() if value.dtype.kind == "f"}
    return {name: float(power_of_two(np.abs(value).max(initial=0.0))) for name, value in floats.items()}


def _spiking_inputs(model: onnx.ModelProto, encoder: str) -> tuple[str, ...]:
    if encoder == "direct":
        return ()
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)
    return tuple(v.name for v in model.graph.input if v.type.tensor_type.elem_type in floats)
