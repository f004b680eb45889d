"""Keeps freed memory with the process, so that tensors of the next layer do not have to be mapped anew.

glibc returns large blocks to the system as soon as they are free, and the system clears every page that is asked for
again: up to a quarter of the time of a run whose intermediate values are a few MiB each. Such blocks come from the heap
instead, and as much as a run may use by default stays there between two. Who has set this in the environment is left
alone, as are other C libraries.
"""

import ctypes
import functools
import os

import torch

from onnx2snn_runtime.batches.memory import CPU_BUDGET

TRIM, PAD, MAPPED = -1, -2, -3
"""M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_THRESHOLD of malloc.h."""

LARGEST = 1 << 25
"""Larger blocks are mapped one by one, unless what the heap has grown by ahead holds them; glibc takes no more."""

OWN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_MAX_")


def keep_freed(device: torch.device) -> bool:
    """Keep freed memory for runs on `device`, once a process; return whether it is kept."""
    return device.type == "cpu" and _kept()


@functools.cache
def _kept() -> bool:
    if any(name in os.environ for name in OWN) or "malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.gnu_get_libc_version  # noqa: B018 - musl and others have other settings
        set_option = libc.mallopt
    except (OSError, AttributeError):
        return False
    return all(set_option(name, size) for name, size in ((MAPPED, LARGEST), (PAD, CPU_BUDGET // 2), (TRIM, CPU_BUDGET)))
