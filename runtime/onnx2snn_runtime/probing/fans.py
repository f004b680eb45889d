"""Computes fan-outs: the number of weights that each element is multiplied with.

The synapses are linear, so that counts are gradients: with every weight that is not zero replaced by 1 the gradient of
the sum of the outputs is, for each element, the number of weights that it meets.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.probing.arrivals import Arrival
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor, bind_outputs, call_linear, compute, fetch

SPECTRA = frozenset({"DFT", "STFT"})
"""Weighted by sines and cosines: every element meets two of them for each frequency, in each window it lies in."""


def fan_out(item: Call, index: int, like: Tensor, constant: Frame, *, dense: bool = False) -> Tensor:
    """Return how many non-zero weights (`dense`: weights) each element of input `index` meets, to broadcast to `like`.

    `like` is a value of that input, `constant` holds the others.
    """
    held = facts(item.op_type, item.operator.domain)
    if item.op_type in ("Conv", "ConvTranspose") and index == 0:
        like = like[:1]  # samples lie along the first axis
    with torch.inference_mode(False), torch.enable_grad():
        probe = torch.zeros(like.shape, dtype=torch.float32, device=like.device, requires_grad=True)
        arguments = []
        for i in range(len(item.inputs)):
            value = probe if i == index else fetch(item, constant, i)
            if i != index and isinstance(value, Tensor) and held.role(i) == "f":
                value = torch.ones_like(value, dtype=torch.float32) if dense else (value != 0).to(torch.float32)
            elif i != index and isinstance(value, Tensor) and value.is_floating_point():
                value = torch.zeros_like(value, dtype=torch.float32)
            arguments.append(value)
        result = item.operator.function(*arguments, **item.attributes)
        result = result[0] if isinstance(result, tuple) else result
        if item.op_type in SPECTRA:
            return _spectral_fan(item, result, probe)
        (gradient,) = torch.autograd.grad(result.sum(), probe)
    # a Gemm with alpha scales the gradient; the count is of weights
    alpha = float(item.attributes.get("alpha", 1.0)) or 1.0
    return (gradient / alpha).detach()


def _spectral_fan(item: Call, result: Tensor, probe: Tensor) -> Tensor:
    """Return the fan of a transform: windows that an element lies in, times twice the number of frequencies."""
    axis = result.ndim - 2  # of frequencies; the last axis holds real and imaginary parts
    (windows,) = torch.autograd.grad(result.select(axis, 0)[..., 0].sum(), probe)
    counted = windows if item.op_type == "STFT" else windows != 0
    return (counted * 2.0 * result.shape[axis]).detach()


def pulled_back(arrival: Arrival, fan: Tensor, like: Mapping[str, Tensor], constant: Frame) -> dict[str, Tensor]:
    """Return, for every sender that `arrival` comes from, how many weights each element of it meets at this synapse.

    `fan` is that of the elements which arrive; `like` holds a value of each sender.
    """
    with torch.inference_mode(False), torch.enable_grad():
        probes = {
            name: torch.zeros(like[name].shape, dtype=torch.float32, device=fan.device, requires_grad=True)
            for name in arrival.sources
        }
        frame = Frame(torch.float32, fan.device, dict(probes))
        for item in arrival.path:
            follow(item, frame, constant)
        value = frame.values[arrival.value]
        gradients = torch.autograd.grad((value * fan).sum(), list(probes.values()), allow_unused=True)
    found = dict(zip(probes, gradients, strict=True))
    return {name: torch.zeros_like(probes[name]) if g is None else g.detach() for name, g in found.items()}


def follow(item: Call, frame: Frame, constant: Frame) -> None:
    """Bind in `frame` where `item` takes the elements of its varying inputs: its factors are 1, its biases 0."""
    held = facts(item.op_type, item.operator.domain)
    arguments: list[Any] = []
    for i, flag in enumerate(item.varying):
        value = fetch(item, frame if flag else constant, i)
        if not flag and isinstance(value, Tensor) and held.role(i) == "f":
            value = (value != 0).to(torch.float32)
        elif not flag and isinstance(value, Tensor) and value.is_floating_point():
            value = torch.zeros_like(value, dtype=torch.float32)
        elif not flag and held.role(i) == "t" and isinstance(value, int | float):
            value = 0.0
        arguments.append(value)
    bind_outputs(item, frame, _unsigned(item)(arguments))


def _unsigned(item: Call) -> Callable[[list[Any]], Any]:
    """Return what computes `item` without its signs and divisors."""
    if item.op_type == "Neg":
        return lambda given: given[0]
    if item.op_type == "Sub":
        return lambda given: given[0] + given[1]
    if item.op_type == "Div":
        return lambda given: given[0] * torch.ones_like(torch.as_tensor(given[1], dtype=torch.float32))
    return lambda given: compute(item, given)


def units(arrival: Arrival, unit: Mapping[str, Tensor], constant: Frame) -> Tensor:
    """Return what a spike of one unit is where it arrives, the largest of all senders: see `Wire.unit`.

    `unit` holds the unit of every element of each sender.
    """
    found: Tensor | None = None
    for name in arrival.sources:
        frame = Frame(torch.float32, constant.device)
        for other in arrival.sources:
            value = unit[other].to(torch.float32)
            frame.set(other, value if other == name else torch.zeros_like(value))
        for item in arrival.path:
            call_linear(item, constant, frame)
        value = frame.values[arrival.value].abs()
        found = value if found is None else torch.maximum(found, value)
    if found is None:
        raise RuntimeError("an arrival has senders")
    return found
