"""The operations of a run, in total and by layer; `counting` counts them, `energy` estimates their energy.

effective ACs, MACs   products of what arrives and is not zero with a weight that is not zero; accumulates (AC) where
                      the whole input tensor of a layer is -1, 0 or 1 at a step, its unit folded into the weights, else
                      multiply-accumulates (MAC). Biases, pooling and normalisation are not counted. NeuroBench's rule,
                      but for the first layers under direct coding: they run once, and not once a step
dense MACs            the same if no input and no weight were zero, without padding
products              a change of one activation with what is not zero of another, which NeuroBench leaves out
shift-adds            of the spikes: for each weight met as many as the payload has signed digits; sums of spikes alike,
                      if they have no more than four
multiplications       all other products: real inputs, currents of a layer without neurons behind it, sums of many
                      digits, products of two activations

Source: Yik et al., NeuroBench, arXiv 2304.04640, and its package, version 2.3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

COUNTS = ("effective_acs", "effective_macs", "dense_macs", "products", "dense_products", "shift_adds",
          "multiplications")  # fmt: skip


@dataclass(frozen=True)
class LayerOperations:
    """The operations of one layer, over all samples and steps; `kind` is direct, synapse or product.

    `dense_once` are the dense MACs, or products, of one pass of all samples through the plain network.
    """

    name: str
    operator: str
    kind: str
    effective_acs: float = 0.0
    effective_macs: float = 0.0
    dense_macs: float = 0.0
    products: float = 0.0
    dense_products: float = 0.0
    shift_adds: float = 0.0
    multiplications: float = 0.0
    dense_once: float = 0.0

    def plus(self, other: "LayerOperations") -> "LayerOperations":
        """Return the sum of both."""
        names = (*COUNTS, "dense_once")
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(frozen=True)
class Operations:
    """The operations of a run until a time step, over all `samples`.

    `steps` are summed over the samples, `neurons` those of the network. `signed_digits` are those of all payloads sent,
    `bits` their bits, addresses apart. `evaluations` are those of a neuron's function: one a neuron and step.
    """

    samples: int
    steps: int
    neurons: int
    events: float
    signed_digits: float
    bits: float
    layers: tuple[LayerOperations, ...]

    def _sum(self, name: str) -> float:
        return sum(getattr(layer, name) for layer in self.layers)

    @property
    def effective_acs(self) -> float:
        """Accumulates, by the strict rule."""
        return self._sum("effective_acs")

    @property
    def effective_macs(self) -> float:
        """Multiply-accumulates, by the strict rule."""
        return self._sum("effective_macs")

    @property
    def dense_macs(self) -> float:
        """Multiply-accumulates if nothing were zero, in all steps."""
        return self._sum("dense_macs")

    @property
    def products(self) -> float:
        """Products of two activations."""
        return self._sum("products")

    @property
    def shift_adds(self) -> float:
        """Shifts and adds of the spikes."""
        return self._sum("shift_adds")

    @property
    def multiplications(self) -> float:
        """Products that are no shift-adds."""
        return self._sum("multiplications")

    @property
    def dense_once(self) -> float:
        """Multiply-accumulates of the plain network, products of two activations among them."""
        return self._sum("dense_once")

    @property
    def synaptic_operations(self) -> float:
        """All products: effective ACs and MACs, and products of two activations."""
        return self.effective_acs + self.effective_macs + self.products

    @property
    def evaluations(self) -> int:
        """Evaluations of a neuron's function."""
        return self.neurons * self.steps

    @property
    def activation_sparsity(self) -> float:
        """The share of neurons and steps without a spike."""
        return 1.0 - self.events / max(1, self.neurons * self.steps)

    @property
    def events_per_neuron(self) -> float:
        """Spikes a neuron and sample."""
        return self.events / max(1, self.neurons * self.samples)

    @property
    def shift_adds_per_neuron(self) -> float:
        """Signed digits sent a neuron and sample: shift-adds at one synapse."""
        return self.signed_digits / max(1, self.neurons * self.samples)

    @property
    def shift_adds_per_mac(self) -> float:
        """Shift-adds, weighted by fan-out, for each dense MAC of the plain network; multiplications apart."""
        return self.shift_adds / max(1.0, self.dense_once)


def merged(operations: Operations, groups: Mapping[str, str]) -> Operations:
    """Return `operations` with one layer for all that `groups` gives the same name."""
    layers: dict[str, LayerOperations] = {}
    for layer in operations.layers:
        name = groups.get(layer.name, layer.name)
        own = replace(layer, name=name)
        layers[name] = layers[name].plus(own) if name in layers else own
    return replace(operations, layers=tuple(layers.values()))


def summed(parts: Sequence[Operations]) -> Operations:
    """Return the operations of several batches as one."""
    layers: dict[str, LayerOperations] = {}
    for part in parts:
        for layer in part.layers:
            layers[layer.name] = layers[layer.name].plus(layer) if layer.name in layers else layer

    def total(name: str) -> float:
        return sum(getattr(part, name) for part in parts)

    return Operations(
        samples=int(total("samples")),
        steps=int(total("steps")),
        neurons=parts[0].neurons,
        events=total("events"),
        signed_digits=total("signed_digits"),
        bits=total("bits"),
        layers=tuple(layers.values()),
    )
