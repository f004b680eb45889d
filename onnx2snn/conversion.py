"""The conversion from an ONNX model to a spiking network: settings and passes, which bring no torch, then the rest."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import onnx

from onnx2snn.conversion_report import ConversionReport
from onnx2snn.data.late import LateArrays
from onnx2snn.passes.base import Work, run_passes
from onnx2snn.pipeline import pipeline, prepare
from onnx2snn.settings import ConversionSettings, Keywords, collect
from onnx2snn_runtime.errors import InputError, Stage
from onnx2snn_runtime.probing.energy import HOROWITZ, EnergyProfile

if TYPE_CHECKING:
    from onnx2snn_runtime.model import SpikingModel

__all__ = ["ConversionReport", "convert"]
Progress = Callable[[str, float], None]


def convert(
    model: str | Path | onnx.ModelProto,
    calibration: Any = None,
    *,
    settings: ConversionSettings | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    energy: EnergyProfile = HOROWITZ,
    **keywords: Unpack[Keywords],
) -> "SpikingModel":
    """Return the spiking network that the ONNX `model` becomes (a path, a ModelProto or a zoo name), not retrained.

    `calibration` maps input names to arrays or tensors [samples, ...], in the type and the normalisation that the model
    takes (one array for a model of one input); a few dozen do. A quarter of them, 16 at most, is held back to try the
    result, the rest sets the scales. Without any, inputs are made up and accuracy is not to be expected.

    Settings are keywords, each with its default, or the objects that hold them (see there for what they mean):
    `spikes`, SpikeSettings: payload, bits, and what follows from them unless it is given: dynamics, dynamics_options,
    schedule, schedule_options, levels, mantissa, timesteps; `network`, NetworkSettings: neurons, encoder, delay,
    recurrence, weights, relays, batch_axis, shape; `ranges`, RangeSettings: scale, range, samples, seed; `adaptation`,
    AdaptationSettings: adapt, tolerance, budget; `settings`, ConversionSettings: all of these.

    `device` is where this runs and where the result lies; `progress` is called with a stage and the share done; by the
    constants `energy` the report tells what a sample costs. The result's `conversion` is a `ConversionReport`. Raises
    InputError for data and settings (for one that is given twice with different values, too), RegistryError for names
    that do not exist, UnsupportedError with everything that cannot be converted, ModelError for a broken model, or one
    without a nonlinearity. Source of the signGD neuron: Oh & Lee, ICML 2024 (arXiv 2407.01645).
    """
    if not isinstance(model, str | Path | onnx.ModelProto):
        raise InputError(
            f"a {type(model).__name__} cannot be converted: give an ONNX file, a ModelProto or the name of a model; a "
            "network of PyTorch becomes an ONNX file by torch.onnx.export"
        )
    chosen = collect(settings, keywords)
    _check_names(chosen, device)
    report, start = ConversionReport(settings=chosen), time.perf_counter()
    tell = progress or (lambda stage, share: None)
    source = "the model" if isinstance(model, onnx.ModelProto) else repr(str(model))
    with Stage(f"the conversion of {source}"):
        work = _work(model, calibration, chosen, report)
        original = onnx.ModelProto()
        original.CopyFrom(work.model)
        _rewrite(work, report, tell)
        from onnx2snn.completion import Completion  # it brings torch, which what is refused until here can do without

        snn = Completion(chosen, tell, energy, report).run(work, original, calibration, device)
        report.seconds = time.perf_counter() - start
    return snn


def _check_names(settings: ConversionSettings, device: str) -> None:
    """Raise for names of settings that the runtime does not know, and for a device that is not there.

    What is there in any case is not asked for: the defaults of every payload, and the CPU.
    """
    spikes, network = settings.spikes, settings.network
    named = spikes.dynamics or spikes.dynamics_options or spikes.schedule or spikes.schedule_options
    if named or network.encoder != "direct":
        from onnx2snn.settings.registered import check_registered

        check_registered(settings)
    if device != "cpu":
        from onnx2snn_runtime.loading import check_device

        check_device(device)


def _work(
    model: str | Path | onnx.ModelProto, calibration: Any, settings: ConversionSettings, report: ConversionReport
) -> Work:
    """Return what the passes start from."""
    network = settings.network
    work = prepare(model, network.neurons, network.encoder, network.recurrence)
    report.source = work.where
    if calibration is not None:
        original = work.model
        work.samples = LateArrays(lambda: _arrays(original, calibration))
    work.batch_axes, work.shapes, work.relays = network.batch_axis, network.shape, network.relays
    work.integer = network.weights == "int8"
    return work


def _arrays(model: onnx.ModelProto, calibration: Any) -> Any:
    from onnx2snn.data.samples import given_arrays

    return given_arrays(model, calibration)


def _rewrite(work: Work, report: ConversionReport, tell: Progress) -> None:
    """Run the passes: the model of `work` becomes an IR file without parameters and defaults."""
    records = run_passes(pipeline(work.neurons), work, lambda name, share: tell(name, 0.3 * share))
    report.passes = [(r.name, r.sites, r.seconds) for r in records]
