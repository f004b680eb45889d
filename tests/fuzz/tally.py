"""Counts of a run of trials: how they ended, what they went through, with which errors, refused by which sentence."""

import math
import re
import time
from collections import Counter
from collections.abc import Collection

import numpy as np

from tests.fuzz.trial import Outcome

SENTENCES = 40
"""So many of the sentences are listed, the most frequent; faults all."""


class Tally:
    """Takes in how trials ended; `failures` are the ends that count as failed."""

    def __init__(self, name: str, failures: Collection[str]) -> None:
        self.name, self.failures, self.start = name, failures, time.monotonic()
        self.ends, self.notes, self.sentences = Counter[str](), Counter[str](), Counter[str]()
        self.errors: list[float] = []
        self.examples: dict[str, int] = {}
        """By sentence, the first seed that led to it."""

    @property
    def trials(self) -> int:
        """The number of trials so far."""
        return self.ends.total()

    @property
    def failed(self) -> int:
        """The number of those that failed."""
        return sum(self.ends[name] for name in self.failures)

    @property
    def seconds(self) -> float:
        """Seconds since the first."""
        return time.monotonic() - self.start

    def add(self, seed: int, end: Outcome) -> str:
        """Count one trial; return its end and sentence without names and numbers."""
        plain = f"{end.kind}: " + re.sub(r"'[^']*'|[-\d.]+", "_", end.text)[:100]
        self.ends[end.kind] += 1
        self.notes.update(end.notes)
        if end.kind in ("refused", "fault", *self.failures):
            self.sentences[plain] += 1
            self.examples.setdefault(plain, seed)
        if not math.isnan(end.error):
            self.errors.append(end.error)
        return plain

    def text(self, *, all_sentences: bool = False) -> str:
        """Return the counts, a line each; with the sentences of refusals and faults where they are wanted."""
        counts = ", ".join(f"{name} {count}" for name, count in self.ends.most_common())
        lines = [f"{self.name}: {self.trials} trials in {self.seconds:.0f} s: {counts}"]
        if self.errors:
            median, most = np.median(self.errors), np.percentile(self.errors, 99)
            lines.append(f"  errors: median {median:.2e}, 99 % below {most:.2e}, of {len(self.errors)} compared")
        lines += [f"  {count:6d} {name}" for name, count in sorted(self.notes.items())]
        common = self.sentences.most_common()
        faults = [item for item in common if not item[0].startswith("refused")]
        kept = [*faults, *(item for item in common if item not in faults)][: SENTENCES + len(faults)]
        lines += [f"  {count:6d} {text} (seed {self.examples[text]})" for text, count in kept if all_sentences]
        return "\n".join(lines) + "\n"
