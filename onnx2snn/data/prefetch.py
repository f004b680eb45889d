"""Prefetches batches: the next ones are read, and copied to a GPU, while the current one is computed.

Threads read, and not the processes of torch's DataLoader: Pillow, pyarrow and numpy let others run while they decode,
an error keeps its sentence, and a process forked after torch has used its threads may hang in OpenMP.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import torch

from onnx2snn_runtime.ir.arrays import native

Batch = dict[str, np.ndarray]
Place = TypeVar("Place")
Found = TypeVar("Found")


def ahead(places: Iterable[Place], read: Callable[[Place], Found], readers: int) -> Iterator[Found]:
    """Yield `read(place)` for `places`, in their order; so many threads read the next ones meanwhile, none with 0."""
    if readers < 1:
        yield from map(read, places)
        return
    waiting: deque[Future[Found]] = deque()
    with ThreadPoolExecutor(readers, thread_name_prefix="onnx2snn-reader") as pool:
        try:
            for place in places:
                waiting.append(pool.submit(read, place))
                if len(waiting) > readers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def staged(batches: Iterable[Batch], device: torch.device) -> Iterator[tuple[Batch, Mapping[str, Any]]]:
    """Yield every batch twice: as it is, and for the run, which is prefetched to `device` if that is a CUDA device."""
    if device.type != "cuda":
        yield from ((batch, batch) for batch in batches)
        return
    stream = torch.cuda.Stream(device)
    waiting: tuple[Batch, dict[str, torch.Tensor], list[torch.Tensor]] | None = None
    for batch in batches:
        coming = (batch, *_send(batch, device, stream))
        if waiting is not None:
            yield waiting[0], waiting[1]
        _receive(coming[1], device, stream)
        waiting = coming
    if waiting is not None:
        yield waiting[0], waiting[1]


def _send(
    batch: Batch, device: torch.device, stream: torch.cuda.Stream
) -> tuple[dict[str, torch.Tensor], list[torch.Tensor]]:
    """Start copying `batch` on `stream`; return the copies, and the pinned memory, which must be kept until then."""
    pinned = {name: torch.from_numpy(np.ascontiguousarray(native(value))).pin_memory() for name, value in batch.items()}
    with torch.cuda.stream(stream):
        return {name: value.to(device, non_blocking=True) for name, value in pinned.items()}, list(pinned.values())


def _receive(copies: Mapping[str, torch.Tensor], device: torch.device, stream: torch.cuda.Stream) -> None:
    """Make the current stream wait, on the device, for the copies on `stream`."""
    present = torch.cuda.current_stream(device)
    present.wait_stream(stream)
    for value in copies.values():
        value.record_stream(present)
