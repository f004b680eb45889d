"""onnx2snn convert: a trained network becomes a spiking network."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
import onnx

from onnx2snn.cli import console, energy, options, sequences, settings
from onnx2snn.cli.config import config, drop_foreign_options
from onnx2snn.cli.files import check_output, read_named, take_image_options
from onnx2snn.data.arrays import Samples
from onnx2snn.data.for_model import open_data, read_few
from onnx2snn.data.streams.base import InMemory
from onnx2snn.reference.sandbox import begin
from onnx2snn.zoo import is_name
from onnx2snn_runtime.ir.verify import read_model

if TYPE_CHECKING:
    from onnx2snn.conversion import ConversionReport
    from onnx2snn_runtime.model import SpikingModel

_PATH = click.Path(path_type=Path)
MOST_NAMED = 6
_TARGETS = ("target_error", "target_agreement", "budget")


@click.command(cls=options.Command, short_help="Make a spiking network of an ONNX model.")
@click.argument("model", type=_PATH)
@options.section(
    "Output",
    options.option("-o", "--output", type=_PATH, help="Where to write; by default MODEL with .snn.onnx, beside it."),
    options.force,
)
@options.section(
    "Calibration",
    options.option("-c", "--calibration", type=_PATH, help=f"Sample data: {options.KINDS}."),
    settings.ranges,
    options.sampling,
)
@options.section("Spikes", settings.spikes)
@options.section("Network", settings.network)
@options.section("Adaptation", settings.adaptation)
@options.section("Streams", sequences.of_convert)
@options.section("Settings file", config)
@energy.choices
@options.images
@options.device
@options.common
@click.pass_context
def command(
    ctx: click.Context,
    model: Path,
    output: Path | None,
    calibration: Path | None,
    pretrained: bool,
    as_json: bool,
    force: bool,
    by_layer: bool,
    energy_file: Path | None,
    **given: Any,
) -> None:
    """Convert MODEL into a spiking network, without retraining: an ONNX file, or a name such as timm/convnext_atto.

    Populations are measured on the calibration data. Without any, synthetic data stand in, and no accuracy is to be
    expected.
    """
    named = is_name(model)
    path = output or (Path(model.name + ".snn.onnx") if named else model.with_name(model.stem + ".snn.onnx"))
    check_output(path, force, model, *([calibration] if calibration else []))
    drop_foreign_options(ctx, given)
    stream = sequences.take(ctx, given)
    frames = sequences.read_sequences(stream["sequences"]) if stream else None
    images = take_image_options(given)
    given |= options.take_overrides(given) | {"energy": energy.profile_of(energy_file)}
    if frames is not None and calibration is None:
        given["frames"] = sequences.frames_alone(frames)
    snn = _converted(model, calibration, pretrained if named else None, images, given)
    wanted = {name: stream[f"stream_{name.removeprefix('target_')}"] for name in _TARGETS} if stream else {}
    fitted = sequences.fit(snn, frames, **wanted) if stream else None
    snn.save(path, force=force)
    report = cast("ConversionReport", snn.conversion)
    if as_json:
        beside = {"stream": console.plain(fitted)} if fitted else {}
        console.print_json({"model": str(model), "output": str(path), **console.plain(report), **beside})
    else:
        show(report, snn.defaults.timesteps, _bodies(snn.proto))
        energy.show(report.energy, by_layer)
        if fitted:
            sequences.show(fitted)
        console.say(f"written: {path}")
    for text in [*report.warnings, *([] if fitted is None or fitted.reached else [sequences.NEAREST])]:
        console.warn(text)


def _converted(
    model: Path, calibration: Path | None, pretrained: bool | None, images: dict[str, Any], given: dict[str, Any]
) -> "SpikingModel":
    """Return the spiking network of `model`, a file, or a name where `pretrained` is not None."""
    begin()  # it starts while the converter is imported
    from onnx2snn.conversion import convert

    with console.progress() as progress:
        source: Path | onnx.ModelProto = model
        if pretrained is not None:
            progress("building the model", 0.0)
            source = read_named(model, pretrained, images)
        proto = source if isinstance(source, onnx.ModelProto) else read_model(source)
        sampling, frames = given.pop("sampling"), given.pop("frames", None)
        data = _calibration(calibration, proto, images, given, sampling) if calibration else None
        return convert(source, calibration=data.inputs if data else frames, progress=progress, **given)


def _calibration(
    path: Path, proto: onnx.ModelProto, images: dict[str, Any], given: dict[str, Any], sampling: str | None
) -> Samples:
    """Return the samples in `path` to calibrate on; of what is in memory the converter draws itself."""
    stream = open_data(path, proto, None, images)
    own = sampling is not None or not isinstance(stream, InMemory)
    return read_few(stream, given["samples"] if own else None, sampling, given["seed"], console.note)


def show(report: "ConversionReport", timesteps: int, bodies: dict[str, str]) -> None:
    """Print what became of the network: neurons, what adaptation gave up for what, and how close it comes."""
    kinds = sorted(report.neurons_by_kind.items(), key=lambda item: (-item[1], item[0]))
    rows = [(kind, bodies.get(kind), count) for kind, count in kinds]
    console.table(["neuron", "made of", "populations"], [*rows, ("in all", "", report.populations)], text=2)
    changed = [(name, sites) for name, sites, _ in report.passes if sites]
    console.say("passes: " + (", ".join(f"{name} {sites}" for name, sites in changed) or "nothing to change"))
    for note in report.notes:
        console.say(note)
    for what, named in (("cost most (of the energy, fp32)", report.costliest), ("err most (own error)", report.erring)):
        if named:
            console.say(f"{what}: " + ", ".join(f"{name!r} {console.percent(share)}" for name, share in named))
    held = "synthetic" if report.synthetic else "held-back" if report.held_back else "calibration"
    console.say(
        f"on {held} samples at T={timesteps}: agreement {console.percent(report.agreement) or '-'}, "
        f"relative error {console.percent(report.relative_error) or '-'} "
        f"(calibration samples: {report.calibration_samples}; {report.seconds:.1f} s)"
    )


def _bodies(proto: onnx.ModelProto) -> dict[str, str]:
    """Return the operators of every kind of neuron, in order, the first few of a long one."""
    found = {}
    for function in proto.functions:
        operators = list(dict.fromkeys(node.op_type for node in function.node))
        found[function.name] = ", ".join(operators[:MOST_NAMED]) + (", ..." if len(operators) > MOST_NAMED else "")
    return found
