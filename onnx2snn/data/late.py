"""Arrays by name that are read when somebody first looks at them."""

import functools
from collections.abc import Callable, Iterator, Mapping

import numpy as np


class LateArrays(Mapping[str, np.ndarray]):
    """What `read` returns; its errors are raised where the arrays are first looked at."""

    def __init__(self, read: Callable[[], Mapping[str, np.ndarray]]) -> None:
        self._arrays = functools.cache(read)

    def __getitem__(self, name: str) -> np.ndarray:
        return self._arrays()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays())

    def __len__(self) -> int:
        return len(self._arrays())
