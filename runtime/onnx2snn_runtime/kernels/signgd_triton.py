"""The scan of `signgd` over a chunk of time on a GPU: gpu/signgd.py."""

import functools
from typing import ClassVar

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, Tensor
from onnx2snn_runtime.dynamics.signgd import SignGD
from onnx2snn_runtime.kernels.base import KERNELS, Clamp, Scanned
from onnx2snn_runtime.kernels.launch import fits, launch, lay_out, missing
from onnx2snn_runtime.kernels.signgd import moves, plain


@KERNELS.register("signgd_triton")
class SignGDTriton:
    """Equal to the bit to T times `SignGD.step`; targets may be in half precision, and estimates too."""

    narrows: ClassVar[bool] = True

    def missing(self) -> str | None:
        """Return why this kernel cannot run on this machine, None where it can."""
        return missing()

    def fits(self, dynamics: Dynamics, target: Tensor) -> bool:
        """Return whether this kernel can scan towards `target` [T, ...] here."""
        return plain(dynamics) and fits(target)

    def scan(
        self,
        dynamics: Dynamics,
        target: Tensor,
        v: Tensor,
        steps: int,
        t: int,
        neuron: Neuron,
        clamp: Clamp | None,
        narrow: torch.dtype | None = None,
    ) -> Scanned:
        """Return the estimates after each of `steps` steps from `v`, in the type `narrow` or that of `v`."""
        if not isinstance(dynamics, SignGD):
            raise TypeError("scan() is for dynamics that fits() accepts")
        etas, scale = moves(dynamics, neuron, t, steps)
        chunk = lay_out(target, v, steps, neuron._replace(scale=scale), clamp, narrow)
        return launch("signgd", chunk, table=_table(etas, v.dtype, v.device), STRICT=neuron.sources > 1)


@functools.lru_cache(maxsize=4096)
def _table(etas: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return `etas` on `device`, put there once, without waiting."""
    return torch.tensor(etas, dtype=torch.float64).to(dtype).to(device, non_blocking=True)
