"""Random valid graphs: a seed names one, with its inputs; ONNX's checker and onnxruntime vouch for each."""

from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from tests.fuzz import layers, shapes
from tests.fuzz.growing import SIZES, Growing, Misfit, Value
from tests.fuzz.operators import DISCONTINUOUS, TEMPLATES, Template

__all__ = ["Case", "layers", "make", "shapes"]
OPSETS = range(7, 24)
SAMPLES = 12
OFTEN = tuple(
    "Relu Tanh Sigmoid Softmax Conv Gemm MatMul ConvTranspose MaxPool LayerNormalization BatchNormalization".split()
)
"""What networks are made of."""
RECTIFIERS = 0.2
"""The share of graphs that have no other nonlinearity than Relu, which some dynamics express alone."""
LINEAR = tuple(
    "Conv Gemm MatMul ConvTranspose BatchNormalization AveragePool GlobalAveragePool Add Sub Neg Identity Mean Sum "
    "Reshape Flatten Transpose Squeeze Unsqueeze Concat Split Slice Gather Pad Tile Expand DepthToSpace SpaceToDepth "
    "Dropout ReduceMean ReduceSum".split()
)


@dataclass(frozen=True)
class Case:
    """A model, its inputs [SAMPLES, ...] by name, and what onnxruntime makes of them."""

    model: onnx.ModelProto
    inputs: dict[str, np.ndarray]
    expected: dict[str, np.ndarray]

    @property
    def discontinuous(self) -> bool:
        """Whether the last bit may decide a whole step."""
        floors = any(n.op_type == "Cast" and n.attribute[0].i not in (1, 10, 11) for n in self.model.graph.node)
        return floors or any(node.op_type in DISCONTINUOUS for node in self.model.graph.node)


def make(seed: int) -> Case | None:
    """Return the case of `seed`; None where onnxruntime refuses it, or where samples are not apart from each other."""
    draw, plain = np.random.default_rng(seed), rectifying(seed)
    g = Growing(draw, int(draw.choice(OPSETS)), int(draw.choice([1] * 12 + [TensorProto.DOUBLE, TensorProto.FLOAT16])))
    for _ in range(int(draw.integers(1, 4))):
        g.input(g.type, *[int(n) for n in draw.choice(SIZES, int(draw.choice([0, 1, 1, 2, 2, 3, 3, 4])))])
    if g.chance(0.15):
        g.input(TensorProto.INT64, *[int(n) for n in draw.choice(SIZES, int(draw.integers(0, 3)))])
    if g.chance(0.1):
        g.input(TensorProto.BOOL, *[int(n) for n in draw.choice(SIZES, int(draw.integers(0, 3)))])
    for value in [v for v in g.inputs if v.floating]:
        _try(g, lambda g, x=value: _first_layer(g, x, plain))  # type: ignore[misc]
    often, names = (("Relu",), [n for n in LINEAR if n in TEMPLATES]) if plain else (OFTEN, list(TEMPLATES))
    wanted = len(g.nodes) + int(draw.integers(1, 11))
    for _ in range(6 * wanted):
        _try(g, TEMPLATES[str(draw.choice(often if g.chance(0.35) else names))])
        if len(g.nodes) >= wanted:
            break
    return vouched(_model(g), _inputs(g))


def rectifying(seed: int) -> bool:
    """Return whether the graph of `seed` has no other nonlinearity than Relu."""
    return seed >= 500_000 and bool(np.random.default_rng([seed, 7]).random() < RECTIFIERS)


def _first_layer(g: Growing, x: Value, plain: bool) -> None:
    """Put weights and mostly a nonlinearity behind an input: what comes before weights is no network."""
    if g.chance(0.1):
        return
    if len(x.shape) == 1:
        x = g.add("Reshape", [x, g.integers(-1, 1)])[0]
    if len(x.shape) > 2 and g.chance(0.5):
        x = g.add("Conv", [x, g.weight(int(g.draw.integers(1, 5)), x.sizes[0], *[1] * (len(x.shape) - 2))])[0]
    else:
        x = g.add("MatMul", [x, g.weight(x.sizes[-1], int(g.draw.integers(1, 7)))])[0]
    if g.chance(0.7):
        g.add("Relu" if plain else g.choose("Relu", "Tanh", "Sigmoid", "Softplus"), [x])


def _try(g: Growing, template: Template) -> None:
    nodes, values = len(g.nodes), len(g.values)
    try:
        template(g)
    except (Misfit, ValueError, IndexError):  # an empty choice: sizes that are not there
        del g.nodes[nodes:], g.values[values:]


def _model(g: Growing) -> onnx.ModelProto:
    read = {name for node in g.nodes for name in node.input}
    loose = [v for v in g.values[len(g.inputs) :] if v.name not in read]
    extra = [v for v in g.values[len(g.inputs) :] if v.name in read and g.chance(0.08)]
    outputs = [v for v in (*loose, *extra) if v.type != TensorProto.STRING][:4] or g.values[-1:]
    shown = [
        helper.make_tensor_value_info(v.name, v.type, v.shape if g.chance(0.8) else [None] * len(v.shape))
        for v in outputs
    ]
    constants = [numpy_helper.from_array(a, n) for n, a in g.constants.items() if n in read]
    takes = [helper.make_tensor_value_info(v.name, v.type, v.shape) for v in g.inputs]
    graph = helper.make_graph(g.nodes, "fuzz", takes, shown, constants)
    ir = 8 if g.opset < 19 else 10
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", g.opset)], ir_version=ir)


def _inputs(g: Growing) -> dict[str, np.ndarray]:
    made = {}
    for value in g.inputs:
        shape = (SAMPLES, *value.sizes)
        if value.floating:
            made[value.name] = g.draw.standard_normal(shape).astype(g.kind)
        elif value.type == TensorProto.BOOL:
            made[value.name] = g.draw.random(shape) < 0.5
        else:
            made[value.name] = g.draw.integers(0, 5, shape)
    return made


def run(model: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what onnxruntime gives, without its optimizations."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def vouched(model: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> Case | None:
    """Return the case where it is valid and each sample goes its own way."""
    from onnxruntime.capi import onnxruntime_pybind11_state as states

    try:
        onnx.checker.check_model(model, full_check=True)
        expected = run(model, inputs)
        apart = run(model, {name: value[:1] for name, value in inputs.items()})
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, *_errors(states)):
        return None
    for name, value in expected.items():
        if not value.ndim or len(value) != SAMPLES or not np.isfinite(value.astype(np.float64)).all():
            return None
        if not np.allclose(value[:1].astype(np.float64), apart[name].astype(np.float64), rtol=1e-2, atol=1e-3):
            return None
    return Case(model, inputs, expected)


def _errors(states: object) -> tuple[type[Exception], ...]:
    found = (getattr(states, name) for name in dir(states))
    return tuple(kind for kind in found if isinstance(kind, type) and issubclass(kind, Exception))
