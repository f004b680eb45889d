"""The update laws of the dynamics as ONNX functions: one step of one population.

A law is a function from the target (under `if` and `lif` the input x), the state and constants to the spike and the
next state; the first state is the estimate v, which is what synapses read. All states are 0 before the first step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from onnx import parser

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, wire_of
from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.dynamics.integrate_and_fire import TIE, IntegrateAndFire
from onnx2snn_runtime.dynamics.signgd import SignGD
from onnx2snn_runtime.dynamics.ternary import Ternary
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.registry import Registry

DOMAIN = "onnx2snn.step"


@dataclass(frozen=True)
class Law:
    """The law of a population: its function, its constants by the names of the function's inputs, and its states.

    Constants of `over_time` have a leading axis of time steps, of which the function is given one.
    """

    function: str
    states: tuple[str, ...]
    constants: dict[str, np.ndarray]
    over_time: dict[str, np.ndarray]

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.function.split("(")[0].split()[-1]

    def proto(self, opset: int) -> onnx.FunctionProto:
        """Return the function at `opset`."""
        return parser.parse_function(f'<domain: "{DOMAIN}", opset_import: ["" : {opset}]>\n{self.function}')


LAWS: Registry[Callable[[Any, Neuron, int], Law]] = Registry("update law", "onnx2snn.export.steps")

FINITE = """zero = Sub(scale, scale)  far = IsInf(target)  sign_far = Sign(target)  bound = Mul(sign_far, scale)
  goal = Where(far, bound, target)  raw = Sub(goal, v)  lost = IsNaN(raw)  error = Where(lost, zero, raw)
  bad = IsNaN(target)  said = IsNaN(v)  unsaid = Not(said)  fresh = And(bad, unsaid)"""
SEND = "finite = Where(silent, zero, sent)  spike = Where(fresh, target, finite)  v_next = Add(v, spike)"

DIFFERENTIAL = """Differential (target, v, scale, low, half_low, top, two, ln2, steps, dead_zone, reach)
  => (spike, v_next) {
  FINITE
  size = Abs(error)  a = Div(size, scale)  held = Clip(a, half_low, two)
  log = Log(held)  log2 = Div(log, ln2)  exponent = Floor(log2)  near = Pow(two, exponent)
  over = Greater(near, held)  below = Div(near, two)  guess = Where(over, below, near)
  above = Mul(guess, two)  under = LessOrEqual(above, held)  power = Where(under, above, guess)
  lead = Div(held, power)  fine = Mul(lead, steps)  rounded = Round(fine)  digits = Div(rounded, steps)
  free = Mul(digits, power)  cells = Div(held, low)  whole = Round(cells)  multiple = Mul(whole, low)
  close = Less(held, reach)  fitting = Where(close, multiple, free)  payload = Clip(fitting, low, top)
  magnitude = Mul(payload, scale)  sign = Sign(error)  sent = Mul(sign, magnitude)  none = LessOrEqual(a, half_low)
  small = Less(a, dead_zone)  silent = Or(none, small)
  SEND }"""

TERNARY = """Ternary (target, v, scale, zone, dead_zone, move) => (spike, v_next) {
  FINITE
  size = Abs(error)  dead = Mul(move, zone)  none = LessOrEqual(size, dead)
  least = Mul(scale, dead_zone)  small = Less(size, least)  silent = Or(none, small)  sign = Sign(error)
  sent = Mul(sign, move)  SEND }"""

SIGNGD = """SignGD (target, v, move) => (spike, v_next) {
  above = COMPARISON(v, target)  down = Neg(move)  spike = Where(above, down, move)  v_next = Add(v, spike) }"""

FIRE = """Fire (x, v, u, charge, total, theta, ties, start, keep, share, first)
  => (spike, v_next, u_next, charge_next, total_next) {
  begun = Mul(start, first)  kept = Add(u, begun)  charge_next = Div(x, share)  before = Mul(keep, charge)
  current = Sub(charge_next, before)  leaked = Mul(keep, kept)  full = Add(leaked, current)
  fires = GreaterOrEqual(full, ties)  one = CastLike(fires, full)  spike = Mul(one, theta)  RESET
  held = Mul(keep, total)  total_next = Add(held, spike)  v_next = Mul(total_next, share)  keep_v = Identity(v) }"""
SOFT = "u_next = Sub(full, spike)"
HARD = "gone = Sub(full, full)  u_next = Where(fires, gone, full)"


def _guarded(text: str) -> str:
    """Return a law with what it says of targets that are infinite, or no number: NaN is sent once."""
    return text.replace("FINITE", FINITE).replace("SEND", SEND)


def law_of(dynamics: Dynamics, neuron: Neuron, timesteps: int) -> Law:
    """Return the law of a population under `dynamics`, its step sizes for so many steps.

    Dynamics without one raise UnsupportedError.
    """
    make = LAWS.get(type(dynamics).__name__)
    if make is None:
        raise UnsupportedError(
            f"the dynamics of {type(dynamics).__name__} is not written as an ONNX graph: choose differential, ternary, "
            "signgd (by plain sgd), if or lif"
        )
    return make(dynamics, neuron, timesteps)


@LAWS.register("Differential")
def differential(dynamics: Differential, neuron: Neuron, timesteps: int) -> Law:
    """A graded correction: a power of two by logarithm, put right by comparisons, and a mantissa that is rounded."""
    if dynamics.annealed:
        raise UnsupportedError("levels that rise over time (annealed) are not written as an ONNX graph: leave it out")
    levels = dynamics.most_levels(neuron)
    mantissa = neuron.mantissa if dynamics.mantissa is None else dynamics.mantissa
    low = 2.0 ** -(levels - 1)
    constants = {
        "scale": _array(neuron.scale), "low": low, "half_low": low / 2, "top": 2.0 - 2.0**-mantissa, "two": 2.0,
        "ln2": np.log(2.0), "steps": 2.0**mantissa,
        "dead_zone": dynamics.zone(neuron),
        "reach": low * 2.0**mantissa if dynamics.underflows(neuron) else 0.0,
    }  # fmt: skip
    return Law(_guarded(DIFFERENTIAL), ("v",), _arrays(constants), {})


@LAWS.register("Ternary")
def ternary(dynamics: Ternary, neuron: Neuron, timesteps: int) -> Law:
    """The sign of a correction, or nothing."""
    constants = {"scale": _array(neuron.scale), "zone": dynamics.zone, "dead_zone": dynamics.least(neuron)}
    return Law(_guarded(TERNARY), ("v",), _arrays(constants), _moves(dynamics, neuron, timesteps))


@LAWS.register("SignGD")
def signgd(dynamics: SignGD, neuron: Neuron, timesteps: int) -> Law:
    """One bit, every step."""
    if not dynamics.optimizer.plain:
        raise UnsupportedError(
            "signgd is written as an ONNX graph with plain sgd alone: leave the optimizer's options out"
        )
    comparison = "GreaterOrEqual" if neuron.sources == 1 else "Greater"
    text = SIGNGD.replace("COMPARISON", comparison).replace("SignGD", f"SignGD{comparison}")
    return Law(text, ("v",), {}, _moves(dynamics, neuron, timesteps))


@LAWS.register("LeakyIntegrateAndFire")
@LAWS.register("IntegrateAndFire")
def fire(dynamics: IntegrateAndFire, neuron: Neuron, timesteps: int) -> Law:
    """A threshold: the membrane u, the charge so far, and the (leaky) sum of the spikes, whose mean is v."""
    theta = _array(neuron.threshold(dynamics.threshold))
    constants = {
        "theta": theta, "ties": theta * (1 - TIE), "start": theta * dynamics.initial, "keep": dynamics.keep,
    }  # fmt: skip
    over_time = {
        "share": np.array([dynamics.share(t) for t in range(1, timesteps + 1)]),
        "first": np.eye(1, timesteps)[0],
    }
    text = FIRE.replace("RESET", SOFT if dynamics.reset == "soft" else HARD).replace("Fire", f"Fire{dynamics.reset}")
    return Law(text, ("v", "u", "charge", "total"), _arrays(constants), over_time)


def _moves(dynamics: Dynamics, neuron: Neuron, timesteps: int) -> dict[str, np.ndarray]:
    """Return the step sizes over time, [T] or [T, ...] as the scale is."""
    sizes = [wire_of(dynamics, t, neuron).unit for t in range(1, timesteps + 1)]
    return {"move": np.stack([_array(size) for size in sizes])}


def _array(value: torch.Tensor | float) -> np.ndarray:
    return value.cpu().numpy().astype(np.float64) if isinstance(value, torch.Tensor) else np.asarray(value, np.float64)


def _arrays(values: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.asarray(value, np.float64) for name, value in values.items()}
