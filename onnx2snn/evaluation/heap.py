"""Gives back the pages of the heap that nothing lies in, which the C library keeps."""

import ctypes
import time

EVERY = 10.0
"""Seconds between two givings back: the pages are cleared when they are asked for again."""


class Heap:
    """The heap of this process, trimmed now and then: by glibc's `malloc_trim`, elsewhere not at all.

    Tensors of a batch are freed between small objects that stay, and glibc keeps such gaps: over thousands of batches
    they would add up, and the peak of memory would rise with the length of a run.
    """

    def __init__(self) -> None:
        self.trimmed = time.monotonic()
        self.trim = getattr(_library(), "malloc_trim", None)

    def between_batches(self) -> None:
        """Trim the heap, if the last time is a while ago."""
        if self.trim is not None and time.monotonic() - self.trimmed > EVERY:
            self.trim(0)
            self.trimmed = time.monotonic()


def _library() -> ctypes.CDLL | None:
    """Return the C library that this process has loaded; None where it cannot be had by no name, as on Windows."""
    try:
        return ctypes.CDLL(None)
    except (OSError, TypeError):
        return None
