"""The module around the lines of a network: it holds weights and states, and takes time steps."""

import textwrap
from collections.abc import Sequence

from onnx2snn.export.listings.network import NetworkWriter
from onnx2snn.export.listings.nodes import HELPERS

HEAD = '''"""A spiking network of {populations} populations, written by onnx2snn; its weights are in {weights}.

{about}
"""

{imports}

DTYPE = torch.{dtype}
"""The type of all floating-point numbers."""


{definitions}


{laws}


class Network(nn.Module):
    """{inputs} -> {outputs}, decoded after `timesteps` steps.

    `reset` forgets the states of the populations, `step` takes one time step; after it `spikes` holds what every
    population sent, by name (in a recurrence by name and position).
    """

    def __init__(self):
        super().__init__()
        with np.load(Path(__file__).with_name("{weights}")) as held:
            for name in held.files:
                self.register_buffer(name, torch.from_numpy(held[name]))
        self.reset()

    def reset(self):
        """Forget all states: a new input begins."""
        self.t, self.states, self.spikes = 0, {{}}, {{}}{more}

    @torch.no_grad()
    def forward(self, {arguments}, timesteps={timesteps}):
        """Return the outputs after so many steps on one input."""
        self.reset()
        for _ in range(timesteps):
            outputs = self.step({arguments})
        return outputs

{methods}
'''

STEP = '''def step(self, {arguments}):
    """Return the outputs after one more time step."""
    self.t += 1
{lines}

def fire(self, name, target, neuron, law=DYNAMICS):
    """Move a population towards its target by what it sends, and return its estimate."""
    state = self.states.get(name) or law.init(target)
    self.states[name], self.spikes[name] = law.step(state, target, self.t, neuron)
    return self.states[name].v
'''

STAGED = '''def step(self, {arguments}):
    """Return the outputs after one more time step."""
    self.t += 1
{stages}

def evaluate(self, {arguments}):
    """Compute every value from the estimates, which move if populations fire."""
{lines}

def fire(self, name, target, neuron, law=DYNAMICS):
    """Return the estimate of a population, which a step moves towards its target by what is sent."""
    state = self.states.get(name) or law.init(target)
    if self.stage == "biases":
        return torch.zeros_like(state.v)
    if self.stage == "values":
        return state.v
    self.states[name], self.spikes[name] = law.step(state, target, self.t, neuron)
    return {estimate}
'''
SHOWN = '''
def shown(self, name, value):
    """Return a decoded value with the share of its bias that a receiver has by now."""
    if self.stage == "biases":
        self.biases[name] = value
        return value
    return value - (1.0 - DYNAMICS.bias(self.t)) * self.biases[name]
'''
BIASES = 'self.stage = "biases"\nself.evaluate({arguments})'
DELAYED = """self.stage = "fire"  # all together, on what was sent in the steps before
self.evaluate({arguments})
self.stage = "values"
return self.evaluate({arguments})"""
AT_ONCE = """self.stage = "fire"
return self.evaluate({arguments})"""


def module_text(writer: NetworkWriter, weights: str, timesteps: int, dtype: str, about: str) -> str:
    """Return the text of a file that holds the network of `writer`, with its arrays in the file `weights`."""
    lines, settings = writer.lines(), writer.settings
    sources = writer.sources
    laws = [f"DYNAMICS = {sources.text(settings.dynamics)}"]
    if settings.encoder is not None:
        laws.append(f"ENCODER = {sources.text(settings.encoder)}")
    helpers = [HELPERS[name] for name in HELPERS if name in writer.nodes.used]
    functions = [text for _, text in writer.populations.functions.values()]
    arguments = ", ".join(writer.arguments)
    own = ["from pathlib import Path", "import numpy as np", "import torch", "from torch import nn"]
    imports = sorted({*own, *sources.imports}, key=lambda line: (line.split()[1], line))
    return HEAD.format(
        populations=len(writer.populations.neurons), weights=weights, about=about, dtype=dtype,
        imports="\n".join(imports),
        definitions="\n\n\n".join([*sources.definitions, *helpers, *functions]), laws="\n".join(laws),
        inputs=", ".join(writer.described), outputs=" and ".join(o.name for o in writer.model.graph.output),
        more=", {}" if writer.shown else "", arguments=arguments, timesteps=timesteps,
        methods=textwrap.indent(_methods(writer, lines, arguments), "    ").rstrip(),
    ).replace("self.spikes = 0, {}, {}, {}", "self.spikes, self.biases = 0, {}, {}, {}")  # fmt: skip


def _methods(writer: NetworkWriter, lines: Sequence[str], arguments: str) -> str:
    """Return the methods of a step: as it is, or in stages where spikes are delayed or biases come in over time."""
    text = textwrap.indent("\n".join(lines), "    ")
    delayed = bool(writer.settings.delay)
    if not delayed and not writer.shown:
        return STEP.format(arguments=arguments, lines=text)
    parts = [*([BIASES] if writer.shown else []), DELAYED if delayed else AT_ONCE]
    stages = textwrap.indent("\n".join(parts).format(arguments=arguments), "    ")
    estimate = "state.v" if delayed else "self.states[name].v"
    made = STAGED.format(arguments=arguments, stages=stages, lines=text, estimate=estimate)
    return made + (SHOWN if writer.shown else "")
