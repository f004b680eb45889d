"""Fourier transforms, window functions and the mel scale."""

import math

import torch
from torch import Tensor

from onnx2snn_runtime.ops import Declared, Ints, Scalar, operator
from onnx2snn_runtime.ops.cast import torch_dtype

OPERATORS: Declared = {
    "BlackmanWindow HammingWindow HannWindow MelWeightMatrix": {},
    "DFT": {"affine": "fcc", "weighted": True, "since": 17},
    "STFT": {"affine": "fcfc", "weighted": True},
}


def _complex(x: Tensor) -> Tensor:
    """Return x (..., 1 or 2), real or (real, imaginary), as complex numbers (...)."""
    return (
        torch.complex(x[..., 0], x[..., 1])
        if x.shape[-1] == 2
        else torch.complex(x[..., 0], torch.zeros_like(x[..., 0]))
    )


def _wide(x: Tensor) -> Tensor:
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


@operator("DFT", since=20)
def dft(
    x: Tensor, dft_length: Ints | None = None, axis: Ints | None = None, *, inverse: int = 0, onesided: int = 0
) -> Tensor:
    """y (..., 2) = the discrete Fourier transform of x (..., 1 or 2) along `axis`, cut or padded to `dft_length`."""
    along = (axis[0] if axis else -2) % x.ndim
    length = dft_length[0] if dft_length else None
    if onesided and inverse:  # the half spectrum gives a real signal
        count = length if length else 2 * (x.shape[along] - 1)
        return torch.fft.irfft(_complex(_wide(x)), count, along).unsqueeze(-1).to(x.dtype)
    transform = torch.fft.ifft if inverse else torch.fft.fft
    y = transform(_complex(_wide(x)), length, along)
    y = y.narrow(along, 0, y.shape[along] // 2 + 1) if onesided else y
    return torch.view_as_real(y).to(x.dtype)


@operator("DFT", since=17)
def dft_axis_attribute(
    x: Tensor, dft_length: Ints | None = None, *, axis: int = 1, inverse: int = 0, onesided: int = 0
) -> Tensor:
    """DFT of opset 17, whose axis is an attribute."""
    return dft(x, dft_length, [axis], inverse=inverse, onesided=onesided)


@operator("STFT")
def stft(
    signal: Tensor,
    frame_step: Ints,
    window: Tensor | None = None,
    frame_length: Ints | None = None,
    *,
    onesided: int = 1,
) -> Tensor:
    """y (N, frames, bins, 2) = the Fourier transforms of windows of the signal (N, length, 1 or 2).

    A real signal (N, length), which is what PyTorch exports, is taken too, as onnxruntime does.
    """
    if signal.ndim == 2:
        signal = signal.unsqueeze(-1)
    length = frame_length[0] if frame_length else (window.shape[0] if window is not None else signal.shape[1])
    frames = signal.unfold(1, length, frame_step[0]).transpose(2, 3)
    if window is not None:
        missing = length - window.shape[0]
        window = torch.nn.functional.pad(window, [missing // 2, missing - missing // 2])
        frames = frames * window.reshape(-1, 1)
    return dft(frames, axis=[2], onesided=onesided)


def _cosines(size: int, periodic: int, code: int, weights: list[float], name: str) -> Tensor:
    """Return sum_k (-1)^k weights_k cos(2 pi k n / N), N = size where periodic, else size - 1."""
    n = torch.arange(size, dtype=torch.float64)
    turn = 2 * math.pi * n / (size if periodic else max(size - 1, 1))
    y = sum(((-1) ** k * w * torch.cos(k * turn) for k, w in enumerate(weights)), torch.zeros_like(n))
    return y.to(torch_dtype(code, name))


@operator("HannWindow")
def hann_window(size: Ints, *, output_datatype: int = 1, periodic: int = 1) -> Tensor:
    """y = (1 - cos(2 pi n / N)) / 2, on the host."""
    return _cosines(size[0], periodic, output_datatype, [0.5, 0.5], "HannWindow")


@operator("HammingWindow")
def hamming_window(size: Ints, *, output_datatype: int = 1, periodic: int = 1) -> Tensor:
    """y = 25/46 - 21/46 cos(2 pi n / N), on the host."""
    return _cosines(size[0], periodic, output_datatype, [25 / 46, 21 / 46], "HammingWindow")


@operator("BlackmanWindow")
def blackman_window(size: Ints, *, output_datatype: int = 1, periodic: int = 1) -> Tensor:
    """y = 0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N), on the host."""
    return _cosines(size[0], periodic, output_datatype, [0.42, 0.5, 0.08], "BlackmanWindow")


@operator("MelWeightMatrix")
def mel_weight_matrix(
    num_mel_bins: Ints,
    dft_length: Ints,
    sample_rate: Ints,
    lower_edge_hertz: Scalar,
    upper_edge_hertz: Scalar,
    *,
    output_datatype: int = 1,
) -> Tensor:
    """y (dft_length / 2 + 1, num_mel_bins) = triangles that are evenly spaced on the mel scale, on the host."""
    bins, length, rate = num_mel_bins[0], dft_length[0], sample_rate[0]
    low, high = (2595 * math.log10(1 + hertz / 700) for hertz in (lower_edge_hertz, upper_edge_hertz))
    mel = low + torch.arange(bins + 2, dtype=torch.float64) * ((high - low) / (bins + 2))
    edge = torch.floor((length + 1) * (700 * (10 ** (mel / 2595) - 1)) / rate)
    frequency = torch.arange(length // 2 + 1, dtype=torch.float64).reshape(-1, 1)
    left, middle, right = edge[:-2], edge[1:-1], edge[2:]
    rise = torch.where(middle > left, (frequency - left) / (middle - left).clamp(min=1), torch.ones_like(frequency))
    fall = (right - frequency) / (right - middle).clamp(min=1)
    inside = (frequency >= left) & (frequency < right) | (frequency == middle)
    y = torch.where(frequency <= middle, rise, fall)
    return torch.where(inside, y, torch.zeros_like(y)).to(torch_dtype(output_datatype, "MelWeightMatrix"))
