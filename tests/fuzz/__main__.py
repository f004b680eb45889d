"""`python -m tests.fuzz KIND`: random graphs, or damage, by the thousand; what fails is made small and printed.

    python -m tests.fuzz graphs --seed 1000000 --count 20000
    python -m tests.fuzz all --seed 7 --seconds 3600

Seeds are those from --seed on; the same seed is the same trial. The exit code is 1 where anything failed.
"""

import argparse
import itertools
import re
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterable

from tests.fuzz import damage, trial
from tests.fuzz.shrinking import script
from tests.fuzz.watching import watched

TRIALS = {"graphs": trial.graph, **damage.KINDS}
SHOWN = 5
"""Failures of one sort that are printed."""


def main() -> int:
    """Run what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kind", choices=[*TRIALS, "all"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=0, help="trials of each kind; by default as many as fit")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each kind, where no count is given")
    parser.add_argument("--refusals", action="store_true", help="count refusals and faults, by sentence")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    damage.pool()  # before workers are forked
    failed = [run(kind, asked) for kind in (TRIALS if asked.kind == "all" else [asked.kind])]
    return int(any(failed))


def run(kind: str, asked: argparse.Namespace) -> int:
    """Run the trials of one kind, print what came of them and return how many failed."""
    start, ends, sentences = time.monotonic(), Counter[str](), Counter[str]()
    seeds: Iterable[int] = range(asked.seed, asked.seed + asked.count) if asked.count else itertools.count(asked.seed)
    shown, failures = Counter[str](), trial.failures(kind)
    for seed, end in watched(TRIALS[kind], seeds):
        ends[end.kind] += 1
        plain = re.sub(r"'[^']*'|[-\d.]+", "_", end.text)[:100]
        sentences[f"{end.kind}: {plain}"] += end.kind in ("refused", "fault")
        if end.kind in failures:
            shown[f"{end.kind} {plain}"] += 1
            if shown[f"{end.kind} {plain}"] <= SHOWN:
                print(f"{kind} {seed}: {end.kind}: {end.text}", flush=True)
                print(script(kind, seed, end), flush=True)
        if not asked.count and time.monotonic() - start > asked.seconds:
            break
    seconds = time.monotonic() - start
    counts = ", ".join(f"{name} {count}" for name, count in ends.most_common())
    print(f"{kind}: {ends.total()} trials from seed {asked.seed} in {seconds:.0f} s: {counts}")
    common = [(text, n) for text, n in sentences.most_common() if n]
    faults = [(text, n) for text, n in common if text.startswith("fault")]
    for text, count in [*faults, *common[:40]] if asked.refusals else []:
        print(f"  {count:6d} {text}")
    return sum(ends[name] for name in failures)


if __name__ == "__main__":
    sys.exit(main())
