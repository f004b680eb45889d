"""Numbers of a graph on the device where they are needed, put there once and without waiting."""

import functools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

ARRAYS = {
    torch.float32: np.float32,
    torch.float64: np.float64,
    torch.int32: np.int32,
    torch.int64: np.int64,
}


def on_device(numbers: Sequence[float], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return `numbers` [n] on `device`: nobody may write into them.

    torch.tensor(numbers, device=...) would copy them, and the host would wait for it, at every call. They are cached by
    their bits: 0.0 is not -0.0, and NaN is NaN. In half precision they are rounded once.
    """
    array = np.asarray(numbers, ARRAYS.get(dtype, np.float64))
    return _put(array.tobytes(), array.dtype.str, dtype, device)


@functools.lru_cache(maxsize=4096)
def _put(bits: bytes, kind: str, dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return torch.from_numpy(np.frombuffer(bits, kind).copy()).to(dtype).to(device, non_blocking=True)
