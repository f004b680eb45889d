"""The registry class for everything that can be extended: operators, dynamics, schedules, encoders, models."""

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from onnx2snn_runtime.errors import RegistryError

T = TypeVar("T")


class Registry(Generic[T]):
    """Maps names to entries of one kind; on first use all modules of `package` are imported, which register them.

    >>> schedules = Registry("schedule", "onnx2snn_runtime.schedules")
    >>> @schedules.register("constant")
    ... class Constant: ...
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._entries: dict[str, T] = {}
        self._discovered = False

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers an object under `name`; a duplicate raises RegistryError."""

        def add(entry: T) -> T:
            if name in self._entries:
                raise RegistryError(f"the {self.kind} {name!r} is registered twice: rename one of the two")
            self._entries[name] = entry
            return entry

        return add

    def __getitem__(self, name: str) -> T:
        """Return the entry called `name`; an unknown name raises RegistryError with the nearest known one."""
        self.discover()
        if not isinstance(name, str) or name not in self._entries:
            near = difflib.get_close_matches(str(name), self._entries, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(self._entries))}"
            raise RegistryError(f"there is no {self.kind} {name!r}: {hint}")
        return self._entries[name]

    def get(self, name: str) -> T | None:
        """Return the entry called `name`, or None."""
        self.discover()
        return self._entries.get(name)

    def __contains__(self, name: str) -> bool:
        self.discover()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        self.discover()
        return iter(sorted(self._entries))

    def discover(self) -> None:
        """Import every module of the package once, in sorted order; errors of a module propagate."""
        if self._discovered:
            return
        self._discovered = True  # before the modules run: one of them may ask for an entry
        before = dict(self._entries)
        try:
            root = importlib.import_module(self.package)
            for name in sorted(module.name for module in pkgutil.iter_modules(root.__path__)):
                before = dict(self._entries)
                importlib.import_module(f"{self.package}.{name}")
        except BaseException:
            self._entries = before  # what the faulty module registered: the next look imports it again
            self._discovered = False
            raise
