"""Conducts a study: runs what is missing, keeps every row as it comes, and writes the table and the pictures."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from onnx2snn.study.jobs import Job, jobs, left
from onnx2snn.study.pictures import draw
from onnx2snn.study.results import Results
from onnx2snn.study.spec import Study
from onnx2snn.study.table import means, ordered, write_csv, write_markdown, write_parquet
from onnx2snn_runtime.errors import InputError

Row = dict[str, Any]
Runner = Callable[[Sequence[Job]], Iterable[tuple[Job, list[Row]]]]
"""Runs jobs somewhere, and yields each with its rows when it is done, in any order."""
RESULTS, TABLE, MEANS, PARQUET = "results.jsonl", "table.csv", "table.md", "results.parquet"


def here(waiting: Sequence[Job]) -> Iterator[tuple[Job, list[Row]]]:
    """Run jobs in this process, one after the other."""
    from onnx2snn.study.running import run_job

    for job in waiting:
        yield job, run_job(job)


class Conductor:
    """One study in its folder; `rows` are those of the study that are done, in its order."""

    def __init__(self, study: Study, device: str = "cpu") -> None:
        self.study, self.folder = study, study.output
        self.jobs = jobs(study, device)
        self.results = Results(self.folder / RESULTS)

    def open(self, resume: bool, force: bool) -> None:
        """Make the folder, and read what is done; results of before raise InputError but for `resume` and `force`."""
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError(f"{str(self.folder)!r} is no folder: choose another 'output' of the study")
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.results.path.exists() and not (resume or force):
            raise InputError(
                f"{str(self.results.path)!r} has results of before: go on with --resume, or begin anew with --force"
            )
        if force:
            self.results.clear()
        self.results.read()

    @property
    def cells(self) -> int:
        """The number of cells of the study."""
        return sum(len(job.timesteps) for job in self.jobs)

    @property
    def rows(self) -> list[Row]:
        """The rows of the study that are done, in its order."""
        return ordered(self.jobs, self.results.latest())

    def run(
        self,
        runner: Runner = here,
        retry: bool = False,
        progress: Callable[[str, float], None] | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """Run what is missing, with `retry` also what failed; every job's rows are on the disk when the next begins."""
        waiting = left(self.jobs, set(self.results.latest(retry)))
        total, begun, done = sum(len(job.timesteps) for job in waiting), time.monotonic(), 0
        for job, rows in runner(waiting):
            self.results.add(rows)
            done += len(rows)
            seconds = time.monotonic() - begun
            if progress:
                progress(f"{job.name}: {done} of {total} cells", done / total)
            if tell:
                tell(_told(job, rows, done, total, seconds))

    def write(self, pictures: bool = True, parquet: bool = False) -> list[Path]:
        """Write the table of what is done, and return the files."""
        rows = self.rows
        averages = means(rows)
        write_csv(rows, self.folder / TABLE)
        write_markdown(averages, self.folder / MEANS)
        files = [self.results.path, self.folder / TABLE, self.folder / MEANS]
        if parquet:
            write_parquet(rows, self.folder / PARQUET)
            files.append(self.folder / PARQUET)
        return [*files, *(draw(averages, self.folder) if pictures else [])]


def _told(job: Job, rows: list[Row], done: int, total: int, seconds: float) -> str:
    """Return a line on what came, how fast it goes and how long it will take."""
    remaining = seconds / done * (total - done)
    failed = next((row["error"] for row in rows if row["error"]), None)
    what = f"failed: {failed}" if failed else f"{len(rows)} cells"
    left = f", about {remaining:,.0f} s left" if done < total else ""
    return f"{job.name}: {what}; {done} of {total} in {seconds:,.0f} s, {60 * done / seconds:.3g} a minute{left}"
