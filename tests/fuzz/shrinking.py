"""Makes a model that fails small, and prints it as a script that needs nothing of the tests."""

import base64
import time
import zlib
from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np
import onnx
from onnx import helper

from tests.fuzz import damage, graphs, trial
from tests.fuzz.trial import Outcome
from tests.fuzz.watching import watched

SECONDS = 30.0
"""What making one model small may take."""

_SCRIPT = """
# {kind} {seed}: {end}
import base64, zlib
import numpy as np, onnx, onnx2snn
model = onnx.ModelProto.FromString(zlib.decompress(base64.b64decode({model!r})))
draw = np.random.default_rng({seed})
x = {inputs}
snn = onnx2snn.convert(model, x, adapt=False, timesteps=16, levels=24, mantissa=8)
y = snn(x)
"""


def script(kind: str, seed: int, end: Outcome) -> str:
    """Return a script that shows the failure of a trial; one that has no model in memory is called by its seed."""
    if kind == "graphs":
        case = graphs.make(seed)
        model = None if case is None else case.model
    else:
        model = damage.damaged(seed) if kind == "models" else None
    if model is None:
        name = {"graphs": "trial.graph"}.get(kind, f"damage.KINDS[{kind!r}]")
        return f"# {kind} {seed}: {end.kind}\nfrom tests.fuzz import damage, trial\nprint({name}({seed}))"
    small = shrink(model, lambda smaller: _ends(kind, smaller, seed) == end.kind)
    packed = base64.b64encode(zlib.compress(small.SerializeToString())).decode()
    text = "\n".join(f"# {line}" for line in onnx.printer.to_text(small).splitlines()[:40])
    said = f"{end.kind}: {' '.join(end.text.split())}"[:200]
    return f"{text}{_SCRIPT.format(kind=kind, seed=seed, end=said, model=packed, inputs=_inputs(small))}"


def shrink(model: onnx.ModelProto, fails: Callable[[onnx.ModelProto], bool]) -> onnx.ModelProto:
    """Return the smallest model found that still `fails`; the model itself where none does, or the time is spent."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        found = next((small for small in smaller(model) if time.monotonic() < end and fails(small)), None)
        if found is None:
            break
        model = found
    return model


def smaller(model: onnx.ModelProto) -> Iterator[onnx.ModelProto]:
    """Yield models with an output, a node, an input or a weight less."""
    for index in range(len(model.graph.output)):
        if len(model.graph.output) > 1:
            yield _without(model, lambda graph, i=index: graph.output.pop(i))  # type: ignore[misc]
    for index in reversed(range(len(model.graph.node))):
        if model.graph.node[index].input:
            yield _without(model, lambda graph, i=index: _bypass(graph, i))  # type: ignore[misc]
    read = set(chain.from_iterable(node.input for node in model.graph.node)) | {v.name for v in model.graph.output}
    for field in ("input", "initializer"):
        for index, value in enumerate(getattr(model.graph, field)):
            if value.name not in read:
                yield _without(model, lambda graph, f=field, i=index: getattr(graph, f).pop(i))  # type: ignore[misc]


def _without(model: onnx.ModelProto, drop: Callable[[onnx.GraphProto], object]) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    drop(copy.graph)
    return copy


def _bypass(graph: onnx.GraphProto, index: int) -> None:
    """Leave a node out: what reads it reads its first input, and so does who looks at the outputs."""
    node = graph.node.pop(index)
    for other in graph.node:
        for i, name in enumerate(other.input):
            if name in node.output:
                other.input[i] = node.input[0]
    for i in reversed(range(len(graph.output))):
        if graph.output[i].name in node.output:
            del graph.output[i]
            kind = graph.input[0].type.tensor_type.elem_type if graph.input else onnx.TensorProto.FLOAT
            graph.output.append(helper.make_tensor_value_info(node.input[0], kind, None))


def _ends(kind: str, model: onnx.ModelProto, seed: int) -> str:
    """Return how the trial with another model ends, in a process of its own."""

    def attempt(_: int) -> Outcome:
        if kind == "models":
            return trial.outcome(lambda: damage.converted(model, damage.case_of(seed)))
        names = {value.name for value in model.graph.input}
        whole = graphs.make(seed)
        given = {n: v for n, v in (whole.inputs if whole else {}).items() if n in names}
        case = graphs.vouched(model, given)
        return Outcome("invalid") if case is None else trial.outcome(lambda: trial.convert_and_run(case, seed))

    return next(watched(attempt, [0]))[1].kind


def _inputs(model: onnx.ModelProto) -> str:
    """Return Python text that makes the inputs."""
    made = []
    for value in model.graph.input:
        tensor = value.type.tensor_type
        shape = tuple(d.dim_value or graphs.SAMPLES for d in tensor.shape.dim)
        known = tensor.elem_type in helper.get_all_tensor_dtypes()
        kind = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type)) if known else np.dtype(np.float32)
        draw = f"draw.standard_normal({shape})" if kind.kind == "f" else f"draw.integers(0, 2, {shape})"
        made.append(f"{value.name!r}: {draw}.astype({str(kind)!r})")
    return "{" + ", ".join(made) + "}"
