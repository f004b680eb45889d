"""What a conversion costs: processor seconds by stage, of networks that `models/real` wrote.

python -m benchmarks.conversion --real FOLDER

The time is that of the processor, in the process and in the one that tries models out, which other work on the machine
changes little.
"""

import importlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click

import onnx2snn
from benchmarks.tolerance import SHAPES, subject
from onnx2snn.reference import serving

NETWORKS = ("efficientnet_lite0", "minilm", "nudenet", "ddddocr_reader")
WORK, DONE = "onnx2snn.conversion", "onnx2snn.completion"
STAGES = {
    "repairs": [f"{WORK}._work"],
    "passes": [f"{WORK}._rewrite"],
    "ranges": [f"{DONE}.Completion.samples", f"{DONE}.Completion.measure"],
    "check": [f"{DONE}.check_equivalence"],
    "adaptation": [f"{DONE}.Completion.adapt"],
    "operations": [f"{DONE}.Completion.count", f"{DONE}.Completion.name_erring"],
}
"""What the stages of a conversion are called here, and what does them."""


@dataclass
class Meter:
    """Adds up the processor seconds of functions, by stage."""

    spent: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    def counted(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function` such that its time counts."""

        def called(*given: Any, **named: Any) -> Any:
            begun = processor_seconds()
            try:
                return function(*given, **named)
            finally:
                self.spent[stage] += processor_seconds() - begun

        return called


def processor_seconds() -> float:
    """Return the processor time of this process, and of the one that tries models out."""
    return time.process_time() + sum(_of(server.process.pid) for server in serving._servers)


def _of(process: int) -> float:
    file = Path(f"/proc/{process}/stat")
    if not file.exists():
        return 0.0
    fields = file.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(file: Path, calibration: Any, **options: Any) -> dict[str, float]:
    """Return the processor seconds of a conversion by stage, and in all."""
    meter, patches = Meter(), []
    for stage, places in STAGES.items():
        for place in places:
            module = DONE if place.startswith(DONE) else WORK
            function: Any = importlib.import_module(module)
            for name in place.removeprefix(f"{module}.").split("."):
                function = getattr(function, name)
            patches.append(patch(place, meter.counted(stage, function)))
    for each in patches:
        each.start()
    begun = processor_seconds()
    try:
        onnx2snn.convert(file, calibration, **options)
    finally:
        for each in patches:
            each.stop()
    return meter.spent | {"in all": processor_seconds() - begun}


@click.command()
@click.option("--real", type=click.Path(path_type=Path, exists=True), required=True, help="Where models/real wrote to.")
@click.option("--networks", default=",".join(NETWORKS), show_default=True, help="Networks, with commas.")
def main(real: Path, networks: str) -> None:
    """Print a table of processor seconds."""
    heads = ["network", *STAGES, "in all"]
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    for name in map(str.strip, networks.split(",")):
        made = subject(name, real)
        if made is None:
            print(f"{name} is left out: models/real wrote none to {real}")
            continue
        spent = measure(made[0], made[1], **SHAPES.get(name, {}))
        print("| " + " | ".join([name, *(f"{spent[head]:.1f}" for head in heads[1:])]) + " |", flush=True)


if __name__ == "__main__":
    main()
