"""Names of values and nodes as Python identifiers that nothing else has."""

import builtins
import keyword
import re

_RESERVED = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | frozenset(keyword.softkwlist)


class Names:
    """Gives every name an identifier of its own; `taken` are those that others have."""

    def __init__(self, taken: set[str] | None = None) -> None:
        self.taken = set(_RESERVED) | (taken or set())

    def new(self, wanted: str) -> str:
        """Return an identifier like `wanted`."""
        found = re.sub(r"\W+", "_", wanted, flags=re.ASCII) or "value"
        found = f"n{found}" if found[0].isdigit() else found
        found = f"{found}_" if found in _RESERVED else found
        chosen, count = found, 1
        while chosen in self.taken:
            count += 1
            chosen = f"{found}_{count}"
        self.taken.add(chosen)
        return chosen


def snake(name: str) -> str:
    """Return `name` in lower case with underscores: ReduceMean becomes reduce_mean."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
