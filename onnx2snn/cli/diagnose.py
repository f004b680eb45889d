"""onnx2snn diagnose: where the error of a spiking network comes from, and what mends it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onnx2snn.cli import console, opening, options
from onnx2snn.cli.files import check_output
from onnx2snn.data.for_model import whole

if TYPE_CHECKING:
    from onnx2snn.diagnosis.diagnose import Diagnosis, Finding

_PATH = click.Path(path_type=Path)
SAMPLES = 16
"""Samples that are looked at where nobody says."""
MOST_ROWS = 20


@click.command(cls=options.Command, short_help="Find where the error comes from, and what mends it.")
@click.argument("model", type=_PATH)
@options.sample_data(SAMPLES)
@options.section(
    "Diagnosis",
    options.option("--tolerance", type=float, help="Relative error of the output that needs no mending."),
    options.option(
        "--all", "everything", is_flag=True, help=f"Show all populations, not the {MOST_ROWS} that err most."
    ),
)
@options.section(
    "Output",
    options.option("-o", "--output", "mended", type=_PATH, help="Where to write the network with what mended it."),
    options.force,
)
@options.section("Run", options.timesteps("1,2,4,8"), options.seed)
@opening.running
def command(
    model: Path,
    data: Path,
    timesteps: tuple[int, ...],
    mended: Path | None,
    force: bool,
    everything: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Compare every population of MODEL, a spiking IR file, with the plain network on data.

    It names the population where the error first jumps, says why, tries settings that may mend it, and shows what they
    gave; then it looks again, until the output is within the tolerance: by default that of the conversion.
    """
    if mended is not None:
        check_output(mended, force, model, data)
    images, overrides = opening.taken(given)
    from onnx2snn.diagnosis.diagnose import diagnose

    snn, stream = opening.opened(model, data, given, images)
    samples = whole(stream)
    if given["batch_size"]:
        overrides["batch_size"] = given["batch_size"]
    with console.progress() as progress:
        found = diagnose(snn, samples, timesteps, tolerance=given["tolerance"], progress=progress, **overrides)
    if mended is not None:
        snn.save(mended, force=force)
    if as_json:
        console.print_json({"model": str(model), "mended": mended and str(mended), **found.as_dict()})
        return
    show(model, data, found, everything)
    if mended is not None:
        console.say(f"written: {mended}")
    elif any(one.chosen for one in found.findings):
        console.say(f"write the mended network: onnx2snn diagnose {model} --data {data} --output mended.snn.onnx")


def show(model: Path, data: Path, found: "Diagnosis", everything: bool = False) -> None:
    """Print the figures of the populations, and what was found."""
    t, steps = found.timesteps, list(found.measured.errors)
    errors = ", ".join(f"{console.percent(found.measured.errors[step])} at T={step}" for step in steps)
    console.say(f"{model}: {found.measured.samples} samples, off by {errors} (relative)")
    shown = found.measured.populations
    if not everything and len(shown) > MOST_ROWS:
        worst = sorted(shown, key=lambda one: -one.at[t].own_error)[:MOST_ROWS]
        shown = tuple(one for one in shown if one in worst)
        console.say(f"the {MOST_ROWS} of {len(found.measured.populations)} populations that err most, in order:")
    heads = [f"error T={step}" for step in steps]
    tells = all(one.name.startswith(one.operator) for one in shown)  # a name that tells the operator needs no column
    columns = ["population", *([] if tells else ["operator"]), *heads, f"own T={t}", "saturated", "silent",
               "events/neuron", "scale", "largest"]  # fmt: skip
    rows = [
        [one.name, *([] if tells else [one.operator]), *(console.percent(one.at[step].error) for step in steps),
         *(console.percent(share) for share in (one.at[t].own_error, one.at[t].saturated, one.at[t].silent)),
         console.number(one.at[t].events_per_neuron, 3), console.number(one.scale, 3), console.number(one.largest, 3)]
        for one in shown
    ]  # fmt: skip
    console.table(columns, rows, text=1 if tells else 2)
    if found.healthy:
        console.say(f"nothing to mend: the output is within {console.percent(found.tolerance)} at T={t}")
    for finding in found.findings:
        show_finding(finding, model, data)
    if found.findings:
        reached = (
            "" if found.mended <= found.tolerance else f", above the tolerance of {console.percent(found.tolerance)}"
        )
        console.say(
            f"in the end the output is off by {console.percent(found.mended)} on all samples{reached} (settings were "
            f"tried on {found.tried_on})"
        )


def show_finding(finding: "Finding", model: Path, data: Path) -> None:
    """Print a cause, what was tried, and what mends it."""
    console.say("")
    who = finding.why.population
    console.say(f"{'the error first jumps at ' + repr(who) if who else 'all populations'}: {finding.why.sentence}")
    for trial in finding.trials:
        own = "" if trial.own_error is None else f", its own error {console.percent(trial.own_error)}"
        verdict = "mends it" if trial is finding.chosen else "helps too" if trial.mends else "no"
        console.say(f"  tried {trial.remedy.words}: output off by {console.percent(trial.error)}{own}: {verdict}")
    if finding.chosen is None:
        console.say("  nothing that was tried mends it: calibrate on more samples, or raise --levels and --mantissa")
        return
    remedy = finding.chosen.remedy
    for line in remedy.python():
        console.say(f"  in Python: {line}")
    if remedy.command:
        line = remedy.command.replace("MODEL", str(model)).replace("DATA", str(data))
        console.say(f"  command:   {line}")
