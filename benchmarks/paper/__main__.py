"""The command: `python -m benchmarks.paper --out docs/images`."""

import json
from pathlib import Path
from typing import Any

import click
import torch

from benchmarks.paper.measure import measure
from benchmarks.paper.plot import draw
from benchmarks.paper.settings import CLASSICAL_TIMESTEPS, NETWORKS
from benchmarks.paper.table import lines


def write(results: list[dict[str, Any]], out: Path) -> None:
    """Write paper.json, paper_steps.png and paper_events.png to the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    out.joinpath("paper.json").write_text(json.dumps(results, indent=1) + "\n")
    draw(results, out / "paper_steps.png", events=False)
    draw(results, out / "paper_events.png", events=True)


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("out"), show_default=True, help="Where to write.")
@click.option("--networks", default=",".join(NETWORKS), show_default=True)
@click.option("--samples", default=500, show_default=True, help="Test images, 2,000 at most.")
@click.option("--most", default=CLASSICAL_TIMESTEPS[-1], show_default=True, help="The largest T.")
@click.option("--threads", default=2, show_default=True)
@click.option("--redraw", is_flag=True, help="Draw the plots from the paper.json that is there.")
def main(out: Path, networks: str, samples: int, most: int, threads: int, redraw: bool) -> None:
    """Run every dynamics on every network; print the table, write the JSON and the two plots."""
    torch.set_num_threads(threads)
    if redraw:
        results = json.loads(out.joinpath("paper.json").read_text())
    else:
        results = [measure(name, samples, most, lambda line: print(line, flush=True)) for name in networks.split(",")]
    write(results, out)
    print("", *lines(results), sep="\n")


if __name__ == "__main__":
    main()
