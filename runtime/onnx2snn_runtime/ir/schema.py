"""The schema of a spiking IR file: the only module that knows the names of its attributes and metadata.

An IR file is an ONNX model. A neuron population is a node in the domain `onnx2snn`; its FunctionProto body is the
function `f` the population computes. Its first `sources` inputs spike; control values and constants follow.
"""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnx2snn_runtime.errors import ModelError

DOMAIN = "onnx2snn"
IR_VERSION = 2
"""The newest version that is read: 2 holds rolled recurrences, any other file is written as version 1."""
PREFIX = "onnx2snn."


@dataclass(frozen=True)
class NeuronAttributes:
    """The attributes of a population's node.

    `scale` multiplies every step size and payload; it broadcasts to the output without its batch axis. `levels` is the
    number of exponents and `mantissa` the number of mantissa bits of a graded spike. `maximum` and `rms` are the
    largest magnitude and the root mean square of the output on the calibration data. `onset` is the number of time
    steps that go by before a population of ternary spikes begins. Corrections of a magnitude below `dead_zone` times
    the scale are not sent; with `gradual` (1) spikes below 2^mantissa times the smallest are multiples of it. These
    three are written where they are not 0.
    """

    sources: int
    scale: np.ndarray = field(default_factory=lambda: np.ones((), np.float32))
    levels: int = 12
    mantissa: int = 1
    maximum: float = 0.0
    rms: float = 0.0
    onset: int = 0
    dead_zone: float = 0.0
    gradual: int = 0

    def to_onnx(self, only: Collection[str] | None = None) -> dict[str, Any]:
        """Return the attributes, or those named in `only`, as `onnx.helper.make_node` takes them."""
        values = {f: getattr(self, f) for f in self.__dataclass_fields__ if only is None or f in only}
        if "scale" in values:
            values["scale"] = numpy_helper.from_array(np.asarray(self.scale, np.float32), "scale")
        for optional in ("onset", "dead_zone", "gradual") if only is None else ():
            if not values[optional]:
                del values[optional]
        return values


def read_neuron(node: onnx.NodeProto) -> NeuronAttributes:
    """Return the neuron attributes of `node`; a missing or ill-typed one raises ModelError."""
    try:
        found = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    except ValueError as error:
        raise ModelError(f"an attribute of the neuron {node.name!r} has no value: convert the model again") from error
    if "sources" not in found:
        raise ModelError(f"the neuron {node.name!r} has no attribute 'sources': convert the model again")
    kinds = {"sources": int, "levels": int, "mantissa": int, "maximum": float, "rms": float, "onset": int,
             "dead_zone": float, "gradual": int}  # fmt: skip
    for name in kinds:
        if not isinstance(found.get(name, 0), int if kinds[name] is int else int | float):
            raise ModelError(
                f"the attribute {name!r} of the neuron {node.name!r} is no number: convert the model again"
            )
    values = {name: kind(found[name]) for name, kind in kinds.items() if name in found}
    if "scale" in found:
        if not isinstance(found["scale"], onnx.TensorProto):
            raise ModelError(f"the attribute 'scale' of the neuron {node.name!r} is no tensor: convert the model again")
        values["scale"] = _scale(found["scale"], node.name)
    return NeuronAttributes(**values)


def _scale(tensor: onnx.TensorProto, name: str) -> np.ndarray:
    try:
        return numpy_helper.to_array(tensor).astype(np.float32)
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"the scale of the neuron {name!r} cannot be read: convert the model again") from error


def write_neuron(node: onnx.NodeProto, attributes: NeuronAttributes, only: Collection[str] | None = None) -> None:
    """Replace the neuron attributes of `node`, or those named in `only`, in place."""
    values = attributes.to_onnx(only)
    replaced = set(attributes.__dataclass_fields__ if only is None else only)
    kept = [a for a in node.attribute if a.name not in replaced]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.extend(helper.make_attribute(name, value) for name, value in values.items())


@dataclass(frozen=True)
class ModelDefaults:
    """The model-level settings in the IR; each can be overridden when the model runs.

    `encoder` codes the inputs named in `spiking_inputs` (all float inputs of a model converted for another coding than
    `direct`; empty for `direct`), each of the scale in `input_scales`, with the dead zone in `input_dead_zones` (none:
    0) and coded with `encoder_options`. `batch` is the fixed batch size of the graph,
    0 where any size is taken. `batch_axes` names the axis of every input and output that counts the samples, None for
    none, "data" for an output whose length depends on what is in the sample, "rows" where such rows begin with the
    number of their sample; with `joint` the samples act on each other and are never split (see
    `onnx2snn_runtime.ir.batch`). `delay` is how many steps a spike is on its way: 0 or 1.
    `coarse` and `margin` are those of streams: see `SpikingModel.stream`.
    `settings` records what the conversion was asked for, by part and name (see `onnx2snn.settings`); runs do not look
    at it. Files from before they were recorded hold no axes and no settings.
    """

    ir_version: int = 1
    dynamics: str = "differential"
    dynamics_options: dict[str, Any] = field(default_factory=dict)
    schedule: str = "exponential"
    schedule_options: dict[str, float] = field(default_factory=dict)
    encoder: str = "direct"
    spiking_inputs: tuple[str, ...] = ()
    input_scales: dict[str, float] = field(default_factory=dict)
    input_dead_zones: dict[str, float] = field(default_factory=dict)
    encoder_options: dict[str, Any] = field(default_factory=dict)
    timesteps: int = 4
    batch: int = 0
    neurons: str = "region"
    producer: str = ""
    calibration: dict[str, Any] = field(default_factory=dict)
    delay: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    batch_axes: dict[str, int | str | None] = field(default_factory=dict)
    joint: bool = False
    coarse: int = 0
    margin: float = 0.0

    def updated(self, **changes: Any) -> "ModelDefaults":
        """Return a copy with `changes`."""
        return replace(self, **changes)


def write_defaults(model: onnx.ModelProto, defaults: ModelDefaults) -> None:
    """Write the model-level defaults into the metadata of `model`; entries of other tools are kept."""
    kept = {e.key: e.value for e in model.metadata_props if not e.key.startswith(PREFIX)}
    ours = {PREFIX + key: json.dumps(value, sort_keys=True) for key, value in asdict(defaults).items()}
    helper.set_model_props(model, kept | ours)


def read_defaults(model: onnx.ModelProto, where: str = "the model") -> ModelDefaults:
    """Return the model-level defaults; a model that is not an IR or of a newer version raises ModelError.

    If a tool dropped the metadata (graphsurgeon does) but the neurons are there, the project's defaults are returned.
    """
    found = {e.key[len(PREFIX) :]: e.value for e in model.metadata_props if e.key.startswith(PREFIX)}
    if not found and _holds_neurons(model.graph):
        return ModelDefaults(batch=_declared_batch(model))
    if "ir_version" not in found:
        raise ModelError(f"{where} is no spiking IR file: convert it first with 'onnx2snn convert'")
    try:
        values = {key: json.loads(text) for key, text in found.items()}
    except (ValueError, RecursionError) as error:
        raise ModelError(f"the metadata of {where} is damaged ({error}): convert the model again") from error
    like = asdict(ModelDefaults()) | {"spiking_inputs": []}
    for key, value in values.items():
        wanted = type(like.get(key, value))
        fits = isinstance(value, int | float if wanted is float else wanted)
        if not fits or (isinstance(value, bool) and wanted in (int, float)):
            raise ModelError(f"the metadata {key!r} of {where} is damaged ({value!r}): convert the model again")
    if values["ir_version"] > IR_VERSION:
        raise ModelError(
            f"{where} is of spiking IR version {values['ir_version']}, this onnx2snn reads up to {IR_VERSION}: "
            "upgrade onnx2snn"
        )
    for name, axis in values.get("batch_axes", {}).items():
        if axis not in (None, "data", "rows") and (not isinstance(axis, int) or isinstance(axis, bool) or axis < 0):
            raise ModelError(f"the batch axis of {name!r} in {where} is damaged ({axis!r}): convert the model again")
    known = {k: v for k, v in values.items() if k in ModelDefaults.__dataclass_fields__}
    known["spiking_inputs"] = tuple(known.get("spiking_inputs", ()))
    return ModelDefaults(**known)


def _holds_neurons(graph: onnx.GraphProto) -> bool:
    bodies = [a.g for node in graph.node for a in node.attribute if a.type == onnx.AttributeProto.GRAPH]
    return any(is_neuron(node) for node in graph.node) or any(map(_holds_neurons, bodies))


def _declared_batch(model: onnx.ModelProto) -> int:
    """Return the size that the inputs declare for their first axes, 0 if it is dynamic or they differ."""
    shapes = [value.type.tensor_type.shape.dim for value in model.graph.input]
    sizes = {dims[0].dim_value for dims in shapes if dims}
    return sizes.pop() if len(sizes) == 1 else 0


def is_neuron(node: onnx.NodeProto) -> bool:
    """Return whether `node` is a neuron population."""
    return bool(node.domain == DOMAIN)


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of the ai.onnx opset that `model` imports."""
    return int(next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 1))


def functions_of(model: onnx.ModelProto) -> dict[str, onnx.FunctionProto]:
    """Return the functions of the neurons of `model` by operator name."""
    return {f.name: f for f in model.functions if f.domain == DOMAIN}
