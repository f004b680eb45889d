"""The rows of a study in a file of JSON lines, which grows by a line for each cell that is done."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from onnx2snn_runtime.errors import InputError

Row = dict[str, Any]


class Results:
    """The file `path`; a line that was cut off by the end of a process is left out, and overwritten."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[Row] = []

    def read(self) -> None:
        """Read the rows that are there; what is no such file raises InputError with the line."""
        if not self.path.exists():
            return
        raw = self.path.read_bytes()
        whole = raw[: raw.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                row = json.loads(line)
                row["key"], row["model"], row["timesteps"]
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(
                    f"line {number} of {str(self.path)!r} is no cell of a study: move the file away, or use --force"
                ) from error
            self.rows.append(row)
        if len(whole) < len(raw):
            os.truncate(self.path, len(whole))

    def clear(self) -> None:
        """Begin anew."""
        self.path.unlink(missing_ok=True)
        self.rows = []

    def add(self, rows: Iterable[Row]) -> None:
        """Append rows, on the disk once this returns."""
        added = list(rows)
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in added)
            file.flush()
            os.fsync(file.fileno())
        self.rows += added

    def latest(self, retry: bool = False) -> dict[str, Row]:
        """Return the rows by key, the last of each; with `retry` those that failed are left out."""
        found = {row["key"]: row for row in self.rows}
        return {key: row for key, row in found.items() if not (retry and row["error"])}
