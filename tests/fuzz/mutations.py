"""Damage: changes of models, of files and of arrays, small ones in places that matter."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

Draw = np.random.Generator
Change = Callable[[Draw, onnx.ModelProto], None]
CHANGES: list[Change] = []

ODD_INTEGERS = (0, -1, 1, 2, 3, 7, 16, 255, 2**16, 2**31 - 1, -(2**31), 2**62, -(2**63))
ODD_FLOATS = (0.0, -1.0, 1e-30, 1e30, float("inf"), float("nan"))
ODD_NAMES = ("", "x0", "v0", "a\x1b[31mb", "\n", "é", "x" * 300, "nowhere")


def change(function: Change) -> Change:
    """Enter a change."""
    CHANGES.append(function)
    return function


def one(draw: Draw, items: Any) -> Any:
    """Return one of `items`; none raises IndexError, and the change is none."""
    if not len(items):
        raise IndexError
    return items[int(draw.integers(len(items)))]


def mutate(model: onnx.ModelProto, draw: Draw) -> onnx.ModelProto:
    """Return a copy of `model` with one to three changes."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for _ in range(int(draw.choice([1, 1, 1, 2, 3]))):
        try:
            one(draw, CHANGES)(draw, copy)
        except (LookupError, ValueError, TypeError):
            continue
    return copy


def _nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    return [*model.graph.node, *(node for function in model.functions for node in function.node)]


def _values(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    return [*model.graph.input, *model.graph.output, *model.graph.value_info]


@change
def _input_name(draw: Draw, m: onnx.ModelProto) -> None:
    node = one(draw, _nodes(m))
    names = [*ODD_NAMES, *(name for other in _nodes(m) for name in (*other.input, *other.output))]
    node.input[int(draw.integers(len(node.input)))] = one(draw, names)


@change
def _output_name(draw: Draw, m: onnx.ModelProto) -> None:
    node = one(draw, _nodes(m))
    names = [*ODD_NAMES, *(name for other in _nodes(m) for name in (*other.input, *other.output))]
    node.output[int(draw.integers(len(node.output)))] = one(draw, names)


@change
def _inputs(draw: Draw, m: onnx.ModelProto) -> None:
    node = one(draw, _nodes(m))
    if draw.random() < 0.5:
        del node.input[int(draw.integers(len(node.input))) :]
    else:
        node.input.append(one(draw, list(node.input)))


@change
def _outputs(draw: Draw, m: onnx.ModelProto) -> None:
    node = one(draw, _nodes(m))
    if draw.random() < 0.5:
        del node.output[-1]
    else:
        node.output.append(f"more{len(node.output)}")


@change
def _operator(draw: Draw, m: onnx.ModelProto) -> None:
    known = [
        "Nothing",
        "Loop",
        "If",
        "Scan",
        "LSTM",
        "Einsum",
        "Constant",
        "Conv",
        "Resize",
        "SequenceAt",
        "StringConcat",
    ]
    one(draw, _nodes(m)).op_type = one(draw, [*known, *(n.op_type for n in _nodes(m))])


@change
def _domain(draw: Draw, m: onnx.ModelProto) -> None:
    one(draw, _nodes(m)).domain = one(draw, ("com.microsoft", "custom", "ai.onnx.ml", "ai.onnx", "onnx2snn", ""))


@change
def _attribute(draw: Draw, m: onnx.ModelProto) -> None:
    a = one(draw, one(draw, [n for n in _nodes(m) if n.attribute]).attribute)
    if a.ints and draw.random() < 0.7:
        a.ints[int(draw.integers(len(a.ints)))] = one(draw, ODD_INTEGERS)
    elif a.floats:
        a.floats[int(draw.integers(len(a.floats)))] = one(draw, ODD_FLOATS)
    else:
        a.i, a.f, a.s = one(draw, ODD_INTEGERS), one(draw, ODD_FLOATS), one(draw, (b"", b"\xff\xfe", b"linear"))


@change
def _attributes(draw: Draw, m: onnx.ModelProto) -> None:
    node = one(draw, [n for n in _nodes(m) if n.attribute])
    a = one(draw, node.attribute)
    chosen = one(draw, ("gone", "twice", "type", "name", "empty"))
    if chosen == "gone":
        node.attribute.remove(a)
    elif chosen == "twice":
        node.attribute.append(a)
    elif chosen == "type":
        a.type = int(draw.integers(0, 15))
    elif chosen == "name":
        a.name = one(draw, ("", "axis", "axes", "to", "value", "kernel_shape"))
    else:
        del a.ints[:], a.floats[:]


@change
def _value_type(draw: Draw, m: onnx.ModelProto) -> None:
    one(draw, _values(m)).type.tensor_type.elem_type = int(draw.choice([0, 1, 6, 7, 8, 9, 10, 11, 16, 23, 99]))


@change
def _value_shape(draw: Draw, m: onnx.ModelProto) -> None:
    shape = one(draw, _values(m)).type.tensor_type
    chosen = one(draw, ("none", "size", "more", "fewer", "name"))
    if chosen == "none":
        shape.ClearField("shape")
    elif chosen == "size":
        shape.shape.dim[int(draw.integers(len(shape.shape.dim)))].dim_value = one(draw, ODD_INTEGERS)
    elif chosen == "more":
        shape.shape.dim.add().dim_value = 3
    elif chosen == "fewer":
        del shape.shape.dim[-1]
    else:
        shape.shape.dim[-1].dim_param = one(draw, ODD_NAMES)


@change
def _value_kind(draw: Draw, m: onnx.ModelProto) -> None:
    value = one(draw, _values(m))
    kind = one(draw, ("sequence", "optional", "nothing", "name"))
    if kind == "sequence":
        value.type.CopyFrom(helper.make_sequence_type_proto(value.type))
    elif kind == "optional":
        value.type.CopyFrom(helper.make_optional_type_proto(value.type))
    elif kind == "nothing":
        value.ClearField("type")
    else:
        value.name = one(draw, ODD_NAMES)


@change
def _weight(draw: Draw, m: onnx.ModelProto) -> None:
    t = one(draw, m.graph.initializer)
    chosen = one(draw, ("type", "dims", "data", "gone", "name", "twice", "empty", "outside", "no data"))
    if chosen == "type":
        t.data_type = int(draw.integers(0, 28))
    elif chosen == "dims":
        t.dims[int(draw.integers(len(t.dims)))] = one(draw, ODD_INTEGERS)
    elif chosen == "data":
        t.raw_data = t.raw_data[: int(draw.integers(len(t.raw_data)))]
    elif chosen == "gone":
        m.graph.initializer.remove(t)
    elif chosen == "name":
        t.name = one(draw, ODD_NAMES)
    elif chosen == "twice":
        m.graph.initializer.append(t)
    elif chosen == "empty":
        del t.dims[:]
    elif chosen == "outside":
        t.data_location = TensorProto.EXTERNAL
        t.external_data.add(key="location", value=one(draw, ("weights.bin", "/etc/passwd", "../../x", "")))
    else:
        t.ClearField("raw_data")


@change
def _numbers(draw: Draw, m: onnx.ModelProto) -> None:
    t = one(draw, [t for t in m.graph.initializer if t.raw_data])
    wanted = helper.tensor_dtype_to_np_dtype(t.data_type)
    array = np.frombuffer(t.raw_data, wanted).copy()
    odd = ODD_FLOATS if wanted.kind == "f" else ODD_INTEGERS
    array[int(draw.integers(array.size))] = np.asarray(one(draw, odd)).astype(wanted)
    t.raw_data = array.tobytes()


@change
def _node_list(draw: Draw, m: onnx.ModelProto) -> None:
    nodes = list(m.graph.node)
    chosen = one(draw, ("gone", "twice", "order", "all gone"))
    i = int(draw.integers(len(nodes)))
    if chosen == "gone":
        del nodes[i]
    elif chosen == "twice":
        nodes.insert(i, nodes[i])
    elif chosen == "order":
        nodes.reverse()
    else:
        nodes.clear()
    del m.graph.node[:]
    m.graph.node.extend(nodes)


@change
def _ports(draw: Draw, m: onnx.ModelProto) -> None:
    ports = one(draw, (m.graph.input, m.graph.output))
    if draw.random() < 0.5:
        del ports[int(draw.integers(len(ports)))]
    else:
        ports.append(one(draw, _values(m)))


@change
def _versions(draw: Draw, m: onnx.ModelProto) -> None:
    chosen = one(draw, ("opset", "ir", "none", "twice"))
    if chosen == "opset":
        one(draw, m.opset_import).version = int(draw.choice([0, 1, 5, 6, 9, 12, 13, 17, 21, 24, 99, 2**40]))
    elif chosen == "ir":
        m.ir_version = int(draw.choice([0, 1, 3, 4, 7, 10, 13, 99]))
    elif chosen == "none":
        del m.opset_import[:]
    else:
        m.opset_import.append(helper.make_opsetid("", 9))


@change
def _subgraph(draw: Draw, m: onnx.ModelProto) -> None:
    node = one(draw, _nodes(m))
    node.op_type = one(draw, ("If", "Loop", "Scan"))
    names = {"If": ("then_branch", "else_branch")}.get(node.op_type, ("body",))
    node.attribute.extend(helper.make_attribute(name, m.graph) for name in names)


@change
def _function(draw: Draw, m: onnx.ModelProto) -> None:
    node = one(draw, m.graph.node)
    body = [helper.make_node(node.op_type, ["a"], ["b"], domain=one(draw, ("", "local")))]
    m.functions.append(helper.make_function("local", node.op_type, ["a"], ["b"], body, list(m.opset_import)))
    m.opset_import.append(helper.make_opsetid("local", 1))
    node.domain = "local"


@change
def _metadata(draw: Draw, m: onnx.ModelProto) -> None:
    entry = one(draw, m.metadata_props)
    texts = ("", "{", "null", "[1]", "-1", "1e400", '{"a": NaN}', "\x00", "9" * 400, "true")
    entry.value = one(draw, [*texts, entry.value[: len(entry.value) // 2]])


def bytes_changed(raw: bytes, draw: Draw) -> bytes:
    """Return `raw` with some bytes changed, left out or put in; heads of files are hit as often as the rest."""
    data = bytearray(raw)
    for _ in range(int(draw.choice([1, 1, 2, 4]))):
        end = len(data) if draw.random() < 0.5 else min(len(data), 160)
        at = int(draw.integers(max(1, end)))
        kind = draw.random()
        if kind < 0.6 and data:
            data[at] = int(draw.choice([0, 1, 127, 128, 255, int(draw.integers(256)), *b"()[]'9-"]))
        elif kind < 0.8:
            del data[at : at + int(draw.integers(1, 40))]
        else:
            data[at:at] = draw.bytes(3)
    return bytes(data)


def archive(draw: Draw, arrays: dict[str, np.ndarray]) -> tuple[str, bytes]:
    """Return the name and the bytes of a damaged .npz or .npy of `arrays`."""
    buffer = io.BytesIO()
    kind = draw.random()
    if kind < 0.4 and len(arrays) == 1:
        np.save(buffer, next(iter(arrays.values())))
        return "a.npy", bytes_changed(buffer.getvalue(), draw)
    (np.savez if kind < 0.8 else np.savez_compressed)(buffer, **arrays)  # type: ignore[operator]
    if kind > 0.95:
        with zipfile.ZipFile(buffer, "a") as zipped:
            zipped.writestr("more.npy", draw.bytes(20))
        return "a.npz", buffer.getvalue()
    return "a.npz", bytes_changed(buffer.getvalue(), draw)


def array(draw: Draw, value: np.ndarray) -> Any:
    """Return an odd form of `value`: another type, shape, order or kind of object."""
    kind = draw.choice([">f4", "<f8", "i1", "u8", "?", "c8", "U3", "O", "M8[s]", "f2", "g"])
    forms: list[Callable[[], Any]] = [
        lambda: value.astype(kind),
        lambda: value[..., None],
        lambda: value.reshape(-1),
        lambda: value[:0],
        lambda: value.T,
        lambda: value[::-1],
        lambda: value.tolist(),
        lambda: np.full_like(value, one(draw, ODD_FLOATS)) if value.dtype.kind == "f" else value,
        lambda: value[:1],
        lambda: None,
        lambda: "x.npy",
        lambda: [value, value[:1]],
        lambda: np.ma.masked_array(value, value == 0),
        lambda: {"a": value},
        lambda: np.asfortranarray(value),
    ]
    return one(draw, forms)()
