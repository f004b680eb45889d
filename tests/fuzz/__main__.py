"""`python -m tests.fuzz KIND`: random graphs, or damage, by the thousand; what fails is made small and printed.

    python -m tests.fuzz graphs --seed 1000000 --count 20000
    python -m tests.fuzz all --seed 7 --seconds 3600

Seeds are those from --seed on; the same seed is the same trial. What is printed at the end: how trials ended, through
how many of them each option, executor and setting of a conversion went, and the errors of what was compared with
onnxruntime. The exit code is 1 where anything failed.
"""

import argparse
import itertools
import sys
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.fuzz import damage, trial
from tests.fuzz.shrinking import script
from tests.fuzz.tally import Tally
from tests.fuzz.watching import watched

TRIALS = {"graphs": trial.graph, **damage.KINDS}
SHOWN = 5
"""Failures of one sort that are printed."""
EVERY = 50
"""Trials between two reports of progress."""


def main() -> int:
    """Run what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kind", choices=[*TRIALS, "all"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=0, help="trials of each kind; by default as many as fit")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each kind, where no count is given")
    parser.add_argument("--refusals", action="store_true", help="count refusals and faults, by sentence")
    parser.add_argument("--progress", help="a file for the counts so far, of one kind: a run that is cut off has some")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    damage.pool()  # before workers are forked
    failed = [run(kind, asked) for kind in (TRIALS if asked.kind == "all" else [asked.kind])]
    return int(any(failed))


def run(kind: str, asked: argparse.Namespace) -> int:
    """Run the trials of one kind, print what came of them and return how many failed."""
    seeds: Iterable[int] = range(asked.seed, asked.seed + asked.count) if asked.count else itertools.count(asked.seed)
    shown, failures = Counter[str](), trial.failures(kind)
    tally = Tally(f"{kind} from seed {asked.seed}", failures)
    for seed, end in watched(TRIALS[kind], seeds):
        plain = tally.add(seed, end)
        if end.kind in failures:
            shown[plain] += 1
            if shown[plain] <= SHOWN:
                print(f"{kind} {seed}: {end.kind}: {end.text}", flush=True)
                print(script(kind, seed, end), flush=True)
        if asked.progress and tally.trials % EVERY == 0:
            Path(asked.progress).write_text(tally.text(all_sentences=True) + f"last seed: {seed}\n")
        if not asked.count and tally.seconds > asked.seconds:
            break
    print(tally.text(all_sentences=asked.refusals))
    if asked.progress:
        Path(asked.progress).write_text(tally.text(all_sentences=True) + "done\n")
    return tally.failed


if __name__ == "__main__":
    sys.exit(main())
