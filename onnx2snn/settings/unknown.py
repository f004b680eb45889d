"""The error message for an unknown name: the closest known name, or all of them."""

import difflib
from collections.abc import Iterable


def unknown(problem: str, name: str, known: Iterable[str]) -> str:
    """Return `problem` with the `name` that is unknown, the nearest of the `known`, and else all of them."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"{problem} {name!r}: " + (f"did you mean {near[0]!r}?" if near else f"it knows {', '.join(names)}")
