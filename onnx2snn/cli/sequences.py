"""What `tune` and `convert` do with --stream: sequences of frames in, dead zones and a table out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from click.core import ParameterSource

from onnx2snn.cli import console
from onnx2snn.cli.sections import chain, option
from onnx2snn.settings.sequences import SequenceSettings
from onnx2snn_runtime.errors import InputError, Stage

if TYPE_CHECKING:
    from onnx2snn.fitting.sequences.trials import StreamPoint
    from onnx2snn.fitting.sequences.tuning import StreamTuning
    from onnx2snn_runtime.model import SpikingModel

COLUMNS = ["setting", "steps/frame", "operations/frame", "dense", "times fewer", "agreement", "error", "silent",
           "refined", "energy/fp32", "energy/int8"]  # fmt: skip
NEAREST = (
    "nothing that was tried keeps to the target on sequences held back: the nearest was chosen; allow more time, a "
    "larger error or more time steps"
)

of_convert = chain(
    option(
        "--stream",
        "sequences",
        type=click.Path(path_type=Path),
        help="Fit to sequences of frames, .npz or .npy of [frames, samples, ...]: inputs spike, currents are relayed, "
        "and corrections below dead zones that are found are not sent.",
    ),
    option(
        "--stream-error", type=click.FloatRange(0, min_open=True), help="Relative error of a stream; by default .02."
    ),
    option(
        "--stream-agreement", type=click.FloatRange(0, 1, min_open=True), help="Share of frames with the same top-1."
    ),
    option(
        "--stream-budget",
        type=click.FloatRange(0, min_open=True),
        default=SequenceSettings.budget,
        show_default=True,
        help="Seconds that the fitting may take.",
    ),
)


def take(ctx: click.Context, given: dict[str, Any]) -> dict[str, Any] | None:
    """Remove the options of `of_convert` from `given`; with --stream, set what streams need, and return the others."""
    names = ("sequences", "stream_error", "stream_agreement", "stream_budget")
    found = {name: given.pop(name) for name in names}
    if found["sequences"] is None:
        if found["stream_error"] is not None or found["stream_agreement"] is not None:
            raise InputError("--stream-error and --stream-agreement are of a stream: give its frames with --stream")
        return None
    for name, value in (("encoder", "differential"), ("relays", True), ("adapt", False), ("timesteps", 1)):
        if ctx.get_parameter_source(name) is ParameterSource.DEFAULT:
            given[name] = value
    return found


def read_sequences(path: Path) -> dict[str, np.ndarray] | np.ndarray:
    """Return the arrays in `path`, an .npz by input name or an .npy; others raise InputError."""
    if not path.is_file() or path.suffix.lower() not in (".npz", ".npy"):
        raise InputError(f"{str(path)!r} holds no sequences: give an .npz or .npy file of [frames, samples, ...]")
    with Stage(f"reading {str(path)!r}", InputError):
        held = np.load(path, allow_pickle=False)
        return held if isinstance(held, np.ndarray) else {name: held[name] for name in held.files}


def frames_alone(sequences: dict[str, np.ndarray] | np.ndarray) -> Any:
    """Return the frames of `sequences` as samples to calibrate on; numbers that do not move stay."""

    def alone(value: np.ndarray) -> np.ndarray:
        return value.reshape(-1, *value.shape[2:]) if value.ndim > 1 else value

    if isinstance(sequences, dict):
        return {name: alone(value) for name, value in sequences.items()}
    return alone(sequences)


def fit(snn: "SpikingModel", sequences: Any, **settings: Any) -> "StreamTuning":
    """Fit `snn` to `sequences` and return what was found."""
    from onnx2snn.fitting.sequences.tuning import tune_stream

    with console.progress() as progress:
        return tune_stream(snn, sequences, progress=progress, **settings)


def show(found: "StreamTuning") -> None:
    """Print the frontier, the choice, and how it does on what was held back."""
    console.table(COLUMNS, [row(point) for point in found.frontier])
    console.say(f"{found.trials} trials on {found.frames} frames in {found.seconds:.1f} s")
    console.table(["chosen", *COLUMNS[1:]], [row(point) for point in (found.before, found.chosen, found.held_back)])


def row(point: "StreamPoint") -> list[str | None]:
    """Return the cells of a point."""
    return [
        point.setting,
        str(point.steps),
        f"{point.operations:,.0f}",
        f"{point.dense:,.0f}",
        console.number(point.advantage, 3),
        console.percent(point.agreement),
        console.percent(point.relative_error),
        console.percent(point.silent),
        console.percent(point.refined) if point.passes.coarse else None,
        console.number(point.energy, 3),
        console.number(point.energy_int8, 3),
    ]
