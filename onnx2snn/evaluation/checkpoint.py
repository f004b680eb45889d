"""The sums of an evaluation in a file, from which it goes on after an interruption."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onnx2snn.evaluation.parts import Accumulator, Part
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.files import writing

EVERY = 5.0
"""Seconds between two writings: what a killed process loses at most."""


class Checkpoint:
    """What is done of an evaluation, in the file `path` where there is one: replaced whole, never half written.

    `made_of` is what the figures depend on; a file that was made of something else raises InputError.
    """

    def __init__(self, path: Path | None, made_of: Mapping[str, Any]) -> None:
        self.path, self.made_of = path, json.loads(json.dumps(made_of))
        self.written = time.monotonic()

    def read(self) -> Accumulator:
        """Return what is done, nothing where the file is not there yet."""
        if self.path is None or not self.path.exists():
            return Accumulator()
        where = repr(str(self.path))
        try:
            held = json.loads(self.path.read_text())
            before = held["made_of"]
            total = None if held["total"] is None else Part.from_dict(held["total"])
            waiting = {int(number): Part.from_dict(part) for number, part in held["waiting"].items()}
            done = int(held["done"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{where} is no file of an evaluation to go on from: choose another path") from error
        for name, value in self.made_of.items():
            if before.get(name) != value:
                raise InputError(
                    f"{where} is of an evaluation with {name} {before.get(name)!r}, not {value!r}: "
                    "choose another file, or the same settings"
                )
        return Accumulator(total, done, waiting)

    def keep(self, sums: Accumulator, now: bool = False) -> None:
        """Write `sums`, if the last writing is some seconds ago, or `now`."""
        if self.path is None or not (now or time.monotonic() - self.written > EVERY):
            return
        waiting = {str(number): part.as_dict() for number, part in sums.waiting.items()}
        total = None if sums.total is None else sums.total.as_dict()
        text = json.dumps({"made_of": self.made_of, "done": sums.done, "total": total, "waiting": waiting})
        with writing(self.path) as partial:
            partial.write_text(text)
        self.written = time.monotonic()
