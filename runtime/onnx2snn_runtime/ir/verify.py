"""The verifier of the spiking IR: checks a model against the schema and names the first invalid node."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from onnx2snn_runtime.errors import InputError, ModelError, Stage
from onnx2snn_runtime.ir.flow import analyse
from onnx2snn_runtime.ir.ranges import check_defaults
from onnx2snn_runtime.ir.reading import check_contents
from onnx2snn_runtime.ir.recurrence import key_of, neurons_of, recurrences, unrolled
from onnx2snn_runtime.ir.schema import DOMAIN, NeuronAttributes, functions_of, read_defaults, read_neuron
from onnx2snn_runtime.ir.structure import check_structure

MOST_LEVELS = 1000
"""More levels than this are below the range of double precision."""

_TORCH = "one of PyTorch: load the network in Python and export it with torch.onnx.export"
_KERAS = "one of Keras: load the network in Python and export it with model.export(..., format='onnx') or tf2onnx"
_TENSORFLOW = "one of TensorFlow: export the network with tf2onnx"
_PICKLE = "a pickled object: load it in Python and export it to ONNX, a scikit-learn model with skl2onnx"
_DATA = "one of data: give the ONNX file of the network, and data with --calibration or --data"
FOREIGN = {
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".safetensors", ".bin"), _TORCH),
    **dict.fromkeys((".keras", ".h5", ".hdf5"), _KERAS),
    **dict.fromkeys((".pb", ".tflite"), _TENSORFLOW),
    **dict.fromkeys((".pkl", ".pickle", ".joblib"), _PICKLE),
    **dict.fromkeys((".npz", ".npy"), _DATA),
}
"""What files of other kinds are, by their suffix, and what to do with them."""


def read_model(path: str | Path) -> onnx.ModelProto:
    """Return the ONNX model in the file `path`, external data included; an unreadable file raises InputError."""
    file = Path(path)
    if not file.is_file():
        raise InputError(f"there is no file {str(file)!r}: check the path")
    try:
        model = onnx.load(str(file), load_external_data=False)
    except (ValueError, OSError, DecodeError) as error:
        if what := FOREIGN.get(file.suffix.lower()):
            raise InputError(f"{str(file)!r} is no ONNX file but {what}") from error
        kind = "truncated" if isinstance(error, DecodeError) else "damaged"
        raise InputError(f"{str(file)!r} is no ONNX file, or a {kind} one ({_first_line(error)})") from error
    if not model.graph.node:
        raise InputError(f"{str(file)!r} holds no ONNX graph with nodes: is it an ONNX file, and complete?")
    check_contents(model, repr(str(file)))
    try:
        with Stage("reading them", InputError):
            onnx.load_external_data_for_model(model, str(file.parent))
    except InputError as error:
        raise InputError(
            f"the weights beside {str(file)!r} cannot be read ({_first_line(error.__cause__ or error)}): keep them in "
            "the same folder"
        ) from error
    check_contents(model, repr(str(file)))
    return model


def verify(model: onnx.ModelProto, where: str = "the model") -> None:
    """Raise ModelError for the first violation of the spiking IR's schema in `model`; what passes can be run."""
    check_contents(model, where)
    defaults = read_defaults(model, where)
    check_defaults(model, defaults, where)
    neurons = list(neurons_of(model.graph))
    if not neurons:
        raise ModelError(f"{where} holds no neuron: convert a model with a nonlinearity")
    check_structure(model, where)
    names: set[str] = set()
    for node in neurons:
        for rule in RULES:
            rule(model, node)
        name = node.name or node.output[0]
        if name in names:
            raise ModelError(f"two neurons are called {name!r}: give every neuron a name of its own")
        names.add(name)
    rolled = recurrences(model.graph)
    written = unrolled(model, {key_of(node): 2 for node in rolled}, weights=False).model if rolled else model
    analyse(written.graph, defaults.spiking_inputs)


def _has_a_function(model: onnx.ModelProto, node: onnx.NodeProto) -> None:
    function = functions_of(model).get(node.op_type)
    if function is None:
        raise ModelError(f"the neuron {node.name!r} has no function {DOMAIN}.{node.op_type}: convert the model again")
    if len(function.input) != len(node.input):
        raise ModelError(
            f"the neuron {node.name!r} has {len(node.input)} inputs, its function {len(function.input)}: convert again"
        )
    if len(function.output) != 1:
        outputs = len(function.output)
        raise ModelError(f"the function {node.op_type} of {node.name!r} has {outputs} outputs, it needs one")
    used = {name for inner in function.node for name in inner.input}
    unused = [name for name in function.input if name not in used]
    if unused:
        raise ModelError(f"the function {node.op_type} of {node.name!r} does not use its input {unused[0]!r}")


def _has_one_output(model: onnx.ModelProto, node: onnx.NodeProto) -> None:
    if len(node.output) != 1:
        raise ModelError(f"the neuron {node.name!r} has {len(node.output)} outputs, a population has one")


def _has_all_inputs(model: onnx.ModelProto, node: onnx.NodeProto) -> None:
    if not all(node.input):
        raise ModelError(f"the neuron {node.name!r} leaves an input out, and its function needs all: convert again")


def _has_sane_parameters(model: onnx.ModelProto, node: onnx.NodeProto) -> None:
    check_parameters(node.name, read_neuron(node), len(node.input))


def check_parameters(name: str, p: NeuronAttributes, inputs: int) -> None:
    """Raise ModelError for invalid parameters `p` of the neuron `name`, a node with that many `inputs`."""
    scale = np.asarray(p.scale)
    if not 1 <= p.sources <= inputs:
        raise ModelError(f"the neuron {name!r} has {p.sources} sources among {inputs} inputs")
    if not scale.size or not (np.isfinite(scale).all() and (scale > 0).all()):
        raise ModelError(f"the scale of the neuron {name!r} is not positive and finite")
    if not 1 <= p.levels <= MOST_LEVELS or not 0 <= p.mantissa <= 23:
        raise ModelError(
            f"the neuron {name!r} has levels {p.levels}, mantissa {p.mantissa}: 1 level or more, 0 to 23 bits"
        )
    if p.onset < 0:
        raise ModelError(f"the neuron {name!r} begins after {p.onset} time steps: 0 or more")
    if not 0 <= p.dead_zone < math.inf:
        raise ModelError(f"the neuron {name!r} has a dead zone of {p.dead_zone}: give a share of its scale, 0 or more")
    if p.gradual not in (0, 1):
        raise ModelError(f"the neuron {name!r} is gradual {p.gradual!r}: 0 or 1")
    if not math.isfinite(p.maximum) or not math.isfinite(p.rms):
        raise ModelError(
            f"the neuron {name!r} has a maximum of {p.maximum} and a root mean square of {p.rms}: calibrate it on "
            "finite values"
        )


RULES: tuple[Callable[[onnx.ModelProto, onnx.NodeProto], None], ...] = (
    _has_one_output,
    _has_all_inputs,
    _has_sane_parameters,
    _has_a_function,
)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
