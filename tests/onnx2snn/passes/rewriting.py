"""Test graphs as ONNX text, and what every pass has to keep."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper, parser

from onnx2snn.passes.base import Pass, Work, run_passes
from onnx2snn.passes.folding.export_graph import export_graph
from onnx2snn.passes.folding.import_graph import import_graph
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.ir.operators import is_supported


def model(text: str, *, opset: int = 17, ir: int = 8, functions: str = "", seed: int = 0) -> onnx.ModelProto:
    """Return the model `text`; weights declared without values, `<float[4, 8] w>`, are drawn at random."""
    vendor = ', "my" : 1' if functions else ""
    made = parser.parse_model(f'<ir_version: {ir}, opset_import: ["" : {opset}{vendor}]>\n{text}\n{functions}')
    draw = np.random.default_rng(seed)
    held = {tensor.name for tensor in made.graph.initializer}
    for value in made.graph.value_info:
        shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
        kind = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        if value.name not in held:
            drawn = np.abs(draw.normal(size=shape)) + 0.1 if value.name.startswith("var") else draw.normal(size=shape)
            made.graph.initializer.append(numpy_helper.from_array(np.asarray(drawn).astype(kind), value.name))
    del made.graph.value_info[:]
    onnx.checker.check_model(made, full_check=True)
    return made


def work_on(proto: onnx.ModelProto, neurons: str = "region", encoder: str = "direct") -> Work:
    """Return the work on a copy of `proto`."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    return Work(copy, "net.onnx", is_supported, neurons, encoder)


def lines(proto: onnx.ModelProto) -> list[str]:
    """Return the nodes of `proto` as text, with the values of small initializers where they are read."""
    small = {}
    for tensor in proto.graph.initializer:
        array = numpy_helper.to_array(tensor)
        small[tensor.name] = str(array.tolist()) if array.size <= 4 else f"{tensor.name}{list(array.shape)}"
    found = []
    for node in proto.graph.node:
        inputs = ", ".join(small.get(name, name) for name in node.input)
        attributes = sorted(node.attribute, key=lambda a: a.name)
        shown = [f"{a.name} {_shown(helper.get_attribute_value(a))}" for a in attributes]
        outputs = ", ".join(node.output)
        found.append(f"{outputs} = {node.op_type}({inputs})" + (f" [{', '.join(shown)}]" if shown else ""))
    return found


def _shown(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else value


def apply(proto: onnx.ModelProto, *passes: Pass, **options: str) -> tuple[Work, list[int]]:
    """Return the work after `passes` over the model itself, and how many sites each changed."""
    work = work_on(proto, **options)
    return work, _run(work, passes)


def _run(work: Work, passes: Sequence[Pass]) -> list[int]:
    return [record.sites for record in run_passes(passes, work)]


def rewrite(proto: onnx.ModelProto, *passes: Pass, **options: str) -> tuple[onnx.ModelProto, list[int]]:
    """Return the model after import, `passes` over its graph, and export; and how many sites each of them changed."""
    work = work_on(proto, **options)
    work.model = onnx.shape_inference.infer_shapes(work.model)
    sites = _run(work, (import_graph, *passes, export_graph))
    return work.model, sites[1:-1]


def same_results(before: onnx.ModelProto, after: onnx.ModelProto, *, tolerance: float = 0.0, batch: int = 3) -> None:
    """Check that onnxruntime computes the same with both, on random inputs, and that `after` is valid."""
    onnx.checker.check_model(after, full_check=True)
    draw, inputs = np.random.default_rng(5), {}
    held = {tensor.name for tensor in before.graph.initializer}
    for value in before.graph.input:
        if value.name in held:
            continue
        shape = [d.dim_value or batch for d in value.type.tensor_type.shape.dim]
        kind = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        drawn = draw.normal(size=shape) * 2 if kind.kind == "f" else draw.integers(0, 2, shape)
        inputs[value.name] = np.asarray(drawn).astype(kind)
    size = max((len(value) for value in inputs.values() if value.ndim), default=1)
    expected, found = run_ann(before, inputs, size), run_ann(after, inputs, size)
    assert list(expected) == list(found)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance, err_msg=name)
        assert found[name].dtype == value.dtype
