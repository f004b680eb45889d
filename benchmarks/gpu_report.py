"""The figures of `benchmarks.gpu` as Markdown."""

from collections.abc import Iterator
from typing import Any


def markdown(found: dict[str, Any]) -> str:
    """Return the report `found` as tables, with the device that the figures are from."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"# {found['device']}"
    yield ""
    versions = f"torch {found['torch']}, triton {found['triton']}"
    yield f"{versions}, T={found['T']}, batch {found['batch']}; a copy moves {found['copy GB/s']:.0f} GB/s."
    yield from _kernels(found["kernels"])
    yield from _networks(found["networks"])
    for name, row in found["profiles"].items():
        yield from _profile(name, row)
    if "checks" in found:
        yield from ("", "## Tests marked gpu", "", "```text", *found["checks"]["summary"], "```")


def _kernels(rows: dict[str, Any]) -> Iterator[str]:
    yield from ("", "| the scan of a population | ms | GB/s | of a copy |", "|---|---|---|---|")
    for name, row in rows.items():
        if "failed" in row:
            yield f"| {name} | {row['failed']} | | |"
        else:
            yield f"| {name} | {1e3 * row['seconds']:.3f} | {row['GB/s']:.0f} | {row['of a copy']:.2f} |"


def _networks(rows: dict[str, Any]) -> Iterator[str]:
    yield from ("", "| network, float16 | run | ms | over T forward passes |", "|---|---|---|---|")
    for name, row in rows.items():
        if "failed" in row:
            yield f"| {name} | {row['failed']} | | |"
            continue
        yield f"| {name} | forward pass of the module | {1e3 * row['forward']:.2f} | |"
        for label, one in row["runs"].items():
            if "failed" in one:
                yield f"| {name} | {label} | {one['failed']} | |"
            else:
                yield f"| {name} | {label} | {1e3 * one['seconds']:.2f} | {one['over T forward passes']:.2f} |"


def _profile(name: str, row: dict[str, Any]) -> Iterator[str]:
    yield from ("", f"Where a run of {name} goes:", "")
    if "failed" in row:
        yield row["failed"]
        return
    yield ", ".join(f"{what} {1e3 * taken:.1f} ms" for what, taken in row["totals"].items())
    yield from ("", "| item | kind | ms |", "|---|---|---|")
    for each in row["rows"]:
        yield f"| {each['name']} | {each['kind']} {each['type']} | {1e3 * each['seconds']:.2f} |"
