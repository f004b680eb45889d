"""The recurrent operators: their gates, as steps of the shared loop."""

from collections.abc import Callable

import torch
from torch import Tensor

from onnx2snn_runtime.ops import Declared, operator
from onnx2snn_runtime.ops.recurrent import State, Step, activations, biases, layer

OPERATORS: Declared = {
    "GRU LSTM RNN": {"learned": True, "unrolled": True},
}


@operator("RNN")
def rnn(
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None = None,
    sequence_lens: Tensor | None = None,
    initial_h: Tensor | None = None,
    *,
    activation_alpha: list[float] | None = None,
    activation_beta: list[float] | None = None,
    activations: list[str] | None = None,
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    layout: int = 0,
    output_sequence: int = 0,
) -> tuple[Tensor, ...]:
    """(Y, Y_h) with h_t = f(W x_t + R h_{t-1} + b); x (T, N, I), W (D, H, I), R (D, H, H), b (D, 2 H)."""
    functions = _functions(activations or ["Tanh"] * w.shape[0], activation_alpha, activation_beta, clip)

    def make_step(d: int) -> Step:
        bias = sum(biases(b, d, 1, r.shape[2], x))

        def step(x_t: Tensor, state: State) -> State:
            return (functions[d](x_t @ w[d].T + state[0] @ r[d].T + bias),)

        return step

    return layer(x, [initial_h], r.shape[2], make_step, direction, layout, sequence_lens)


_functions = activations  # the attribute of the operators has the same name


def _gru(
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None,
    functions: list[Callable[[Tensor], Tensor]],
    before: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor],
) -> Callable[[int], Step]:
    """Return the steps of a GRU; `before(reset, h, R, bias)` is the recurrent part of its new value."""
    hidden = r.shape[2]

    def make_step(d: int) -> Step:
        f, g = functions[2 * d], functions[2 * d + 1]
        from_x, from_h = biases(b, d, 3, hidden, x)

        def step(x_t: Tensor, state: State) -> State:
            (h,) = state
            inputs = (x_t @ w[d].T + from_x).split(hidden, -1)
            both = h @ r[d, : 2 * hidden].T + from_h[: 2 * hidden]
            z = f(inputs[0] + both[:, :hidden])
            reset = f(inputs[1] + both[:, hidden:])
            new = g(inputs[2] + before(reset, h, r[d, 2 * hidden :], from_h[2 * hidden :]))
            return ((1 - z) * new + z * h,)

        return step

    return make_step


@operator("GRU")
def gru(
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None = None,
    sequence_lens: Tensor | None = None,
    initial_h: Tensor | None = None,
    *,
    activation_alpha: list[float] | None = None,
    activation_beta: list[float] | None = None,
    activations: list[str] | None = None,
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    layout: int = 0,
    linear_before_reset: int = 0,
    output_sequence: int = 0,
) -> tuple[Tensor, ...]:
    """(Y, Y_h) with h_t = (1 - z) g(W_h x_t + r (R_h h_{t-1})) + z h_{t-1}; z, r, h are stacked in W and R."""
    names = activations or ["Sigmoid", "Tanh"] * w.shape[0]
    functions = _functions(names, activation_alpha, activation_beta, clip)

    def before(reset: Tensor, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return reset * (h @ weight.T + bias) if linear_before_reset else (reset * h) @ weight.T + bias

    steps = _gru(x, w, r, b, functions, before)
    return layer(x, [initial_h], r.shape[2], steps, direction, layout, sequence_lens)


def _lstm(
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None,
    p: Tensor | None,
    functions: list[Callable[[Tensor], Tensor]],
    input_forget: bool,
) -> Callable[[int], Step]:
    """Return the steps of an LSTM; with `input_forget` the forget gate is 1 minus the input gate."""
    hidden = r.shape[2]
    peepholes = torch.zeros((w.shape[0], 3 * hidden), dtype=x.dtype, device=x.device) if p is None else p

    def make_step(d: int) -> Step:
        f, g, h = functions[3 * d : 3 * d + 3]
        bias = sum(biases(b, d, 4, hidden, x))
        p_i, p_o, p_f = peepholes[d].split(hidden)

        def step(x_t: Tensor, state: State) -> State:
            y, c = state
            i, o, forget, new = (x_t @ w[d].T + y @ r[d].T + bias).split(hidden, -1)
            i = f(i + p_i * c)
            forget = 1 - i if input_forget else f(forget + p_f * c)
            c = forget * c + i * g(new)
            return f(o + p_o * c) * h(c), c

        return step

    return make_step


@operator("LSTM")
def lstm(
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None = None,
    sequence_lens: Tensor | None = None,
    initial_h: Tensor | None = None,
    initial_c: Tensor | None = None,
    p: Tensor | None = None,
    *,
    activation_alpha: list[float] | None = None,
    activation_beta: list[float] | None = None,
    activations: list[str] | None = None,
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    input_forget: int = 0,
    layout: int = 0,
    output_sequence: int = 0,
) -> tuple[Tensor, ...]:
    """(Y, Y_h, Y_c) with c_t = f c_{t-1} + i g, h_t = o h(c_t); the gates i, o, f, c are stacked in W and R."""
    names = activations or ["Sigmoid", "Tanh", "Tanh"] * w.shape[0]
    functions = _functions(names, activation_alpha, activation_beta, clip)
    steps = _lstm(x, w, r, b, p, functions, bool(input_forget))
    return layer(x, [initial_h, initial_c], r.shape[2], steps, direction, layout, sequence_lens)
