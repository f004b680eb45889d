"""Small networks: as ONNX, and as the spiking IR, written by hand so that no converter is needed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper, parser

from onnx2snn_runtime.ir.schema import DOMAIN, ModelDefaults, NeuronAttributes, write_defaults
from onnx2snn_runtime.model import SpikingModel

NET = """<ir_version: 8, opset_import: ["" : 17]>
net (float[N, 4] x) => (float[N, 3] logits) { a = Gemm(x, w, b)  h = Relu(a)  logits = Gemm(h, u) }"""


@pytest.fixture
def network() -> onnx.ModelProto:
    """Return a classifier of 4 features with one hidden layer of 8 ReLUs and 3 classes."""
    draw = np.random.default_rng(3)
    model = parser.parse_model(NET)
    for name, shape in {"w": (4, 8), "b": (8,), "u": (8, 3)}.items():
        model.graph.initializer.append(numpy_helper.from_array(draw.normal(size=shape).astype(np.float32), name))
    return model


def spiking(model: onnx.ModelProto, **defaults: object) -> onnx.ModelProto:
    """Return `model` with its ReLUs and max-pooling made neurons."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    opset = helper.make_opsetid("", 17)
    made.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    for node in made.graph.node:
        if node.op_type in ("Relu", "MaxPool"):
            body = helper.make_node(node.op_type, ["x"], ["y"])
            body.attribute.extend(node.attribute)
            name = f"Spiking{node.op_type}"
            if name not in [function.name for function in made.functions]:
                made.functions.append(helper.make_function(DOMAIN, name, ["x"], ["y"], [body], [opset]))
            node.op_type, node.domain, node.name = name, DOMAIN, f"neuron_{node.output[0]}"
            del node.attribute[:]
            parameters = NeuronAttributes(1, np.float32(8.0)).to_onnx()
            node.attribute.extend(helper.make_attribute(k, v) for k, v in parameters.items())
    write_defaults(made, ModelDefaults().updated(**defaults))
    return made


@pytest.fixture
def make_snn(network: onnx.ModelProto) -> Callable[..., SpikingModel]:
    """Return a function that makes the network spiking, with other model-level defaults where given."""
    return lambda **defaults: SpikingModel(spiking(network, **defaults))


@pytest.fixture
def snn(make_snn: Callable[..., SpikingModel]) -> SpikingModel:
    return make_snn()


@pytest.fixture
def features() -> np.ndarray:
    return np.random.default_rng(5).normal(size=(40, 4)).astype(np.float32)


@pytest.fixture
def model_file(network: onnx.ModelProto, tmp_path: Path) -> Path:
    onnx.save(network, tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


@pytest.fixture
def ir_file(snn: SpikingModel, tmp_path: Path) -> Path:
    snn.save(tmp_path / "net.snn.onnx")
    return tmp_path / "net.snn.onnx"


@pytest.fixture
def data_file(features: np.ndarray, tmp_path: Path) -> Path:
    np.savez(tmp_path / "data.npz", x=features, labels=np.arange(40) % 3)
    return tmp_path / "data.npz"
