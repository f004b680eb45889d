"""Recurrent layers: one loop over time that LSTM, GRU and RNN share."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops.activations import softplus
from onnx2snn_runtime.ops.gather_scatter import reverse_sequence

Activation = Callable[[Tensor], Tensor]
State = tuple[Tensor, ...]
Step = Callable[[Tensor, State], State]

_ACTIVATIONS: dict[str, Callable[[Tensor, float, float], Tensor]] = {
    "sigmoid": lambda x, a, b: torch.sigmoid(x),
    "tanh": lambda x, a, b: torch.tanh(x),
    "relu": lambda x, a, b: torch.relu(x),
    "affine": lambda x, a, b: a * x + b,
    "leakyrelu": lambda x, a, b: torch.where(x >= 0, x, a * x),
    "thresholdedrelu": lambda x, a, b: torch.where(x > a, x, torch.zeros_like(x)),
    "scaledtanh": lambda x, a, b: a * torch.tanh(b * x),
    "hardsigmoid": lambda x, a, b: (a * x + b).clamp(0, 1),
    "elu": lambda x, a, b: torch.where(x >= 0, x, a * torch.expm1(x.clamp(max=0))),
    "softsign": lambda x, a, b: x / (1 + x.abs()),
    "softplus": lambda x, a, b: softplus(x),
}
_ALPHA = {"affine": 1.0, "leakyrelu": 0.01, "thresholdedrelu": 1.0, "scaledtanh": 1.0, "hardsigmoid": 0.2, "elu": 1.0}
_BETA = {"affine": 0.0, "scaledtanh": 1.0, "hardsigmoid": 0.5}
_WITH_ALPHA, _WITH_BETA = frozenset(_ALPHA), frozenset(_BETA)


def activations(
    names: Sequence[str], alpha: Sequence[float] | None, beta: Sequence[float] | None, clip: float | None
) -> list[Activation]:
    """Return the functions called `names`; those that have parameters take theirs in order."""
    alphas, betas = list(alpha or []), list(beta or [])

    def make(name: str) -> Activation:
        key = name.lower()
        if key not in _ACTIVATIONS:
            raise UnsupportedError(f"a recurrent layer with activation {name!r} is not supported")
        a = alphas.pop(0) if alphas and key in _WITH_ALPHA else _ALPHA.get(key, 0.0)
        b = betas.pop(0) if betas and key in _WITH_BETA else _BETA.get(key, 0.0)
        function = _ACTIVATIONS[key]
        return lambda x: function(x if clip is None else x.clamp(-clip, clip), a, b)

    return [make(name) for name in names]


def run(x: Tensor, state: State, step: Step, lengths: Tensor | None, reverse: bool) -> tuple[Tensor, State]:
    """Return the hidden states (T, N, H) and the last state of one direction; `step` maps (x_t, state) to a state.

    Behind the end of a sequence the output is 0 and the state stays.
    """
    steps = x.shape[0]
    if lengths is None:
        lengths_or_none = None
        x = x.flip(0) if reverse else x
    else:
        lengths_or_none = lengths.reshape(-1, 1)
        x = reverse_sequence(x, lengths) if reverse else x
    hidden = []
    for t in range(steps):
        after = step(x[t], state)
        if lengths_or_none is None:
            state, out = after, after[0]
        else:
            running = t < lengths_or_none
            state = tuple(torch.where(running, new, old) for new, old in zip(after, state, strict=True))
            out = torch.where(running, after[0], torch.zeros_like(after[0]))
        hidden.append(out)
    y = torch.stack(hidden)
    if not reverse:
        return y, state
    return (y.flip(0) if lengths is None else reverse_sequence(y, lengths)), state


def layer(
    x: Tensor,
    initial: Sequence[Tensor | None],
    hidden_size: int,
    make_step: Callable[[int], Step],
    direction: str,
    layout: int,
    lengths: Tensor | None,
) -> tuple[Tensor, ...]:
    """Return (Y, last states ...) of all directions; Y (T, D, N, H), or (N, T, D, H) with layout 1.

    `make_step(d)` gives the step of direction d; `initial` holds states (D, N, H), or (N, D, H) with layout 1.
    """
    if direction not in ("forward", "reverse", "bidirectional"):
        raise UnsupportedError(f"a recurrent layer with direction={direction!r} is not supported")
    x = x.transpose(0, 1) if layout else x
    zeros = x.new_zeros((x.shape[1], hidden_size))
    outputs, states = [], []
    for d, reverse in enumerate([direction == "reverse"] if direction != "bidirectional" else [False, True]):
        start = tuple(zeros if s is None else (s[:, d] if layout else s[d]) for s in initial)
        y, last = run(x, start, make_step(d), lengths, reverse)
        outputs.append(y)
        states.append(last)
    y = torch.stack(outputs, 1)
    joined = tuple(torch.stack(parts, 1 if layout else 0) for parts in zip(*states, strict=True))
    return (y.permute(2, 0, 1, 3) if layout else y, *joined)


def biases(b: Tensor | None, d: int, gates: int, hidden: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return the input and the recurrent bias of direction d, each (gates hidden,), zeros where there are none."""
    if b is None:
        zeros = like.new_zeros(gates * hidden)
        return zeros, zeros
    return b[d, : gates * hidden], b[d, gates * hidden :]
