"""Paths with brace ranges and wildcards, such as `shard-{000..009}.tar` and `shard-*.tar`, as lists of files."""

import glob
import re
from collections.abc import Iterator
from pathlib import Path

from onnx2snn_runtime.errors import InputError

_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
MOST = 100_000


def is_pattern(path: Path) -> bool:
    """Return whether `path` names several files, there being none of that very name."""
    return not path.exists() and bool(re.search(r"[{*?\[]", str(path)))


def expand(path: Path) -> list[Path]:
    """Return the files that `path` names, in the order of its braces, sorted under a wildcard.

    One that is not there, and a wildcard that nothing fits, raise InputError.
    """
    found: list[Path] = []
    for text in _written_out(str(path)):
        if not Path(text).exists() and re.search(r"[*?\[]", text):
            matching = sorted(glob.glob(text))
            if not matching:
                raise InputError(f"no file fits {text!r}: check the path of the data")
            found += map(Path, matching)
            continue
        if not Path(text).is_file():
            of = f" (one of {str(path)!r})" if text != str(path) else ""
            raise InputError(f"there is no file {text!r}{of}: check the path and the range of the shards")
        found.append(Path(text))
        if len(found) > MOST:
            raise InputError(f"{str(path)!r} names more than {MOST:,} files: write a smaller range")
    return found


def _written_out(text: str) -> Iterator[str]:
    """Yield `text` with every choice of its braces: {000..009} counts, with the zeros of its ends, {a,b} lists."""
    braces = _BRACES.search(text)
    if braces is None:
        yield text
        return
    counted = _RANGE.fullmatch(braces[1])
    if counted is None and "," not in braces[1]:
        raise InputError(f"{braces[0]!r} in {text!r} is no range: write {{000..009}} or {{a,b}}")
    for choice in _counted(counted[1], counted[2], text) if counted else braces[1].split(","):
        yield from _written_out(text[: braces.start()] + choice + text[braces.end() :])


def _counted(first: str, last: str, text: str) -> Iterator[str]:
    if int(last) < int(first) or int(last) - int(first) >= MOST:
        raise InputError(f"the range {{{first}..{last}}} in {text!r} is empty or too long: count upwards")
    width = len(first) if first.startswith("0") or len(first) == len(last) else 0
    return (str(number).zfill(width) for number in range(int(first), int(last) + 1))
