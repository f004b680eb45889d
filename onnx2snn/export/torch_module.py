"""A PyTorch module as a file of readable code, with its weights beside it: it needs torch and numpy alone.

Of networks of `if` and `lif` neurons between affine layers, as NIR files are: spikes are 0 or 1, thresholds are 1.
"""

import numpy as np

from onnx2snn.export.base import EXPORTERS, Exported, Request
from onnx2snn.export.lines.graph import Layer, Network
from onnx2snn.export.lines.translate import Wanted, translate
from onnx2snn_runtime.dynamics.integrate_and_fire import IntegrateAndFire
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.files import writing
from onnx2snn_runtime.settings import make_settings

HEAD = '''"""A spiking network of {neurons} populations, written by onnx2snn; its weights are in {weights}."""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class Neurons(nn.Module):
    """u <- leak u + current; a spike of 1 where u reaches 1, which is {reset}."""

    def __init__(self, leak={leak!r}, initial={initial!r}):
        super().__init__()
        self.leak, self.initial, self.u = leak, initial, None

    def forward(self, current):
        before = torch.full_like(current, self.initial) if self.u is None else self.u
        u = self.leak * before + current
        spikes = (u >= 1 - 2.0**-20).to(u.dtype)
        self.u = {update}
        return spikes


class Network(nn.Module):
    """x [samples, {shape}] -> decoded output, the {mean} of the outputs of all time steps."""

    def __init__(self):
        super().__init__()
{init}
        with np.load(Path(__file__).with_name("{weights}")) as held:
            self.load_state_dict({{name: torch.from_numpy(held[name]) for name in held.files}})

    def reset(self):
        """Forget the membranes: a new input begins."""
        for module in self.modules():
            if isinstance(module, Neurons):
                module.u = None

    def step(self, x):
        """Return the output of one time step."""
{step}

    @torch.no_grad()
    def forward(self, x, timesteps={timesteps}):
        self.reset()
        total, weight = 0.0, 0.0
        for _ in range(timesteps):
            total, weight = {leak!r} * total + self.step(x), {leak!r} * weight + 1.0
        return total / weight
'''


@EXPORTERS.register("torch")
def export_torch(request: Request) -> Exported:
    """Write the network as a .py file, and its weights as an .npz beside it."""
    settings = make_settings(request.snn.defaults, request.overrides)
    dynamics = settings.dynamics
    if not isinstance(dynamics, IntegrateAndFire):
        raise UnsupportedError(
            f"a PyTorch module is written of 'if' and 'lif' neurons, not of {type(dynamics).__name__}: give --dynamics "
            "if, or --to onnx-step"
        )
    if settings.encoder is not None or settings.delay:
        raise UnsupportedError("a PyTorch module has neither coded inputs nor a delay: use neither, or --to onnx-step")
    network = translate(request.snn.program, dynamics, Wanted(sums=False, dense=False))
    weights = request.path.with_name(request.path.stem + ".npz")
    arrays = _arrays(network, np.dtype(request.dtype))
    code = _code(network, dynamics, request.steps, weights.name)
    with writing(request.path) as partial:
        partial.write_text(code)
        np.savez(partial.with_name(weights.name), **arrays)  # type: ignore[arg-type]
    notes = ["the file ends before the readouts"] if request.snn.program.readout else []
    return Exported([str(request.path), str(weights)], {"layers": len(network.layers)}, notes)


def _arrays(network: Network, kind: np.dtype) -> dict[str, np.ndarray]:
    """Return the parameters by name, as `load_state_dict` takes them."""
    found = {}
    for layer in network.layers:
        if layer.weight is None or layer.bias is None:
            continue
        if layer.kind == "Scale":
            shape = (-1, *[1] * (len(layer.shape) - 1))
            found[f"{layer.name}_factor"] = layer.weight.reshape(shape).astype(kind)
            found[f"{layer.name}_shift"] = layer.bias.reshape(shape).astype(kind)
        else:
            found[f"{layer.name}.weight"] = layer.weight.astype(kind)
            found[f"{layer.name}.bias"] = layer.bias.astype(kind)
    return found


def _code(network: Network, dynamics: IntegrateAndFire, timesteps: int, weights: str) -> str:
    """Return the text of the module."""
    indent = " " * 8
    hard = dynamics.reset == "hard"
    return HEAD.format(
        neurons=len(network.neurons), weights=weights, leak=float(dynamics.keep), initial=float(dynamics.initial),
        reset="set to 0" if hard else "subtracted", update="u * (1 - spikes)" if hard else "u - spikes",
        mean="mean" if dynamics.keep == 1 else "leaky mean", timesteps=timesteps,
        shape=", ".join(map(str, network.layers[0].shape)),
        init="\n".join(indent + line for layer in network.layers for line in _made(layer)),
        step="\n".join(indent + line for layer in network.layers for line in _computed(layer)),
    )  # fmt: skip


def _made(layer: Layer) -> list[str]:
    """Return the lines that make the module of a layer."""
    if layer.kind in ("IF", "LIF"):
        return [f"self.{layer.name} = Neurons()"]
    if layer.weight is None:
        return []
    if layer.kind == "Scale":
        shape = (layer.shape[0], *[1] * (len(layer.shape) - 1))
        return [f'self.register_buffer("{layer.name}_{part}", torch.zeros({shape}))' for part in ("factor", "shift")]
    out, into = layer.weight.shape[:2]
    if layer.kind == "Affine":
        return [f"self.{layer.name} = nn.Linear({into}, {out})"]
    options = ", ".join(f"{name}={value}" for name, value in layer.options.items())
    channels, kernel = into * layer.options.get("groups", 1), tuple(layer.weight.shape[2:])
    return [f"self.{layer.name} = nn.{layer.kind}({channels}, {out}, {kernel}, {options})"]


def _computed(layer: Layer) -> list[str]:
    """Return the lines that compute a layer in a time step."""
    o, parts = layer.options, [before.name for before in layer.inputs]
    given = " + ".join(parts)
    if layer.kind == "Input":
        return [f"{layer.name} = x"]
    if layer.kind == "Output":
        return [f"return {given}"]
    pooled = f"functional.avg_pool2d({given}, {o.get('kernel_size')}, {o.get('stride')}, {o.get('padding')})"
    plain = {
        "Flatten": f"({given}).flatten(1)",
        "Pad": f"functional.pad({given}, {o.get('pads')})",
        "AvgPool2d": pooled,
        "Concat": f"torch.cat([{', '.join(parts)}], 1)",
        "Scale": f"({given}) * self.{layer.name}_factor + self.{layer.name}_shift",
    }
    return [f"{layer.name} = {plain.get(layer.kind, f'self.{layer.name}({given})')}"]
