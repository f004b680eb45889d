"""Runs networks on fake tensors of a made-up accelerator: `python -m tests.runtime.fake_device KIND [NAME ...]`.

They have a device and a shape but no numbers; the host's own tensors, such as shapes, are real. What a CUDA device
would make slow or refuse is an error, without one:
operands on different devices, a wait for the device (`item()`, `tolist()`, `bool(tensor)`), an output whose shape
depends on data, and, once a run has warmed up, a tensor that is made on the host. (torch built for CPUs has no fake
tensors of CUDA: these ask it for a device guard.) A process of its own, since caches would keep fake tensors.
"""

import functools
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

import onnx2snn
from models import networks
from models.export import export
from onnx2snn_runtime.dynamics.base import DYNAMICS
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.execution.base import EXECUTORS
from onnx2snn_runtime.loading import load
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.ops import find_operator
from onnx2snn_runtime.program import interpreter
from onnx2snn_runtime.program.rectifiers import check_expressible
from onnx2snn_runtime.settings import make_settings
from tests.runtime.fake_modes import DEVICE, AbsentDevice, OnTheHost, RealHost, TurnedInputs, layouts_of_cudnn
from tests.runtime.fake_runs import SAMPLES, WAYS, fits, run
from tests.runtime.networks import LAYERS, network
from tests.runtime.ops.nodes import Call, calls
from tests.runtime.ops.waiting import ON_HOST, WAITS

FIXTURES = Path(__file__).parents[1] / "fixtures"

Case = tuple[str, Callable[[], None]]

SHAPES = """shapes (float[N, 8] x) => (float[N, 2, 3] y)
<int64[1] two = {2}, int64[1] minus = {-1}, float[8, 8] w, float[4, 3] u>
{ a = MatMul(x, w)  h = onnx2snn.SpikingRelu(a)  s = Shape<end = 1>(h)  c = Concat<axis = 0>(s, two, minus)
  r = Reshape(h, c)  g = onnx2snn.SpikingRelu(r)  b = MatMul(g, u)  t = Shape<end = 2>(b)
  d = Concat<axis = 0>(t, minus)  y = Reshape(b, d) }"""
"""Shape arithmetic as exporters write it, in the loop and behind it."""

SIZES = {"aten.view.default"}
"""How a case of the suite makes a list of a tensor of sizes; runs have it as a list."""

OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("differential", {"annealed": 2, "rise": 1}),
    ("signgd", {"momentum": 0.5}),
    ("signgd", {"optimizer": "rmsprop"}),
    ("signgd", {"optimizer": "rprop"}),
    ("subgradient", {"momentum": 0.6, "nesterov": True}),
    ("if", {"reset": "hard"}),
)
ENCODED = (
    ("differential", "differential"),
    ("spike", "signgd"),
    ("stochastic_spike", "signgd"),
    ("poisson", "if"),
    ("float", "subgradient"),
)


def case(name: str, model: Callable[[], SpikingModel], executor: str, *arguments: Any, **options: Any) -> Case:
    """Return a run of the network `name`, named by what it is."""
    words = [*map(str, arguments), *(f"{key}={value}" for key, value in options.items())]
    return ", ".join([name, executor, *words]), lambda: run(model(), executor, *arguments, **options)


def layers(name: str) -> tuple[str, Callable[[], SpikingModel]]:
    """Return the network `name` of few layers."""
    return name, lambda: network(SHAPES if name == "shapes" else LAYERS[name])


def quick() -> Iterator[Case]:
    """Yield the cases of the quick tests: layers with every executor, one network with every dynamics and encoder."""
    for name in (*LAYERS, "shapes"):
        yield from (case(*layers(name), each) for each in EXECUTORS)
        yield case(*layers(name), "layer", kernels=True)
    for dynamics, given in (*((name, {}) for name in DYNAMICS), *OPTIONS):
        chosen = {"dynamics": dynamics, "dynamics_options": given}
        yield from (case(*layers("cnn"), each, **chosen) for each in EXECUTORS)
        yield case(*layers("cnn"), "layer", kernels=True, **chosen)
    for encoder, dynamics in ENCODED:
        network_of = functools.partial(encoded, encoder, dynamics)
        yield from (case(f"{encoder} input", network_of, each, dynamics=dynamics) for each in EXECUTORS)


def ways() -> Iterator[Case]:
    """Yield the cases of every way to run a network, in half precision, and with scales of channels."""
    yield from every_way(*layers("cnn"))
    for executor, dynamics in (("layer", "signgd"), ("layer", "ternary"), ("event", "if")):
        yield case(*layers("shapes"), executor, "operations", dynamics=dynamics)
    for executor in EXECUTORS:
        yield case(*layers("two"), executor, dtype=torch.bfloat16)
        yield case("scales of channels", by_channel, executor, "operations")
        yield case(*layers("cnn"), executor, delay=1)


def every_way(name: str, model: Callable[[], SpikingModel]) -> Iterator[Case]:
    """Yield the cases of every way to run `model`, in half precision too."""
    built = model()
    settings = make_settings(built.defaults, {})
    for executor in EXECUTORS:
        fitting = [way for way in WAYS if fits(way, built, executor, settings)]
        yield from (case(name, model, executor, way) for way in fitting)
        yield case(name, model, executor, dtype=torch.float16)
    yield case(name, model, "layer", "moving", kernels=True)
    yield case(name, model, "layer", kernels=True, dtype=torch.float16)


def slow() -> Iterator[Case]:
    """Yield the cases of the slow tests: every kept IR file with every executor."""
    for path in sorted(FIXTURES.glob("ir_v*/*.snn.onnx")):
        for executor in EXECUTORS:
            yield case(f"{path.parent.name}/{path.name}", functools.partial(load, path), executor)


def models(*names: str) -> Iterator[Case]:
    """Yield `names`, or every architecture of `models/`, with every dynamics that expresses it, executor and way."""
    for name in names or networks:
        model = functools.partial(SpikingModel, converted(name))
        yield from every_way(name, model)
        for dynamics in [each for each in DYNAMICS if expresses(model(), each)]:
            yield from (case(name, model, each, dynamics=dynamics) for each in EXECUTORS)
            yield case(name, model, "layer", dynamics=dynamics, kernels=True)


def few() -> Iterator[Case]:
    """Yield the cases of a few small architectures, with every executor; `quick` has the dynamics, `ways` the ways."""
    for name in ("mnist_mlp", "digits_cnn", "digits_unet_resize"):
        model = functools.partial(SpikingModel, converted(name))
        yield from (case(name, model, each) for each in EXECUTORS)


def layouts() -> Iterator[Case]:
    """Yield the cases of networks of convolutions in half precision, whose values stay in channels last."""
    yield "cnn", lambda: stays_laid_out(network(LAYERS["cnn"]))
    for name in ("digits_cnn", "digits_mobilenet"):
        yield name, functools.partial(stays_laid_out, SpikingModel(converted(name)))


def stays_laid_out(model: SpikingModel) -> None:
    """Assert that no convolution but the one of the input is given a value in another layout than its weight."""
    turned = TurnedInputs()
    with layouts_of_cudnn():
        run(model, "layer", kernels=True, dtype=torch.float16, modes=[turned])
    assert turned.seen > 1
    assert all(shape[0] == SAMPLES for shape in turned.found), f"turned: {turned.found}"


def operators() -> Iterator[Case]:
    """Yield the handlers, by the cases of ONNX's own suite, but for those that have to wait for the device."""
    for each in (*calls(), *ml_calls()):
        if each.operator.name not in WAITS and each.tensors():
            yield each.name, functools.partial(compute_on_device, each)


def ml_calls() -> Iterator[Call]:
    """Yield calls of handlers whose attributes are numbers that stand beside tensors; the suite has none of them."""
    x, whole = torch.ones(2, 3), torch.ones(2, 3, dtype=torch.int64)
    linear = {"coefficients": [0.5] * 6, "intercepts": [1.0, 2.0]}
    for name, value, attributes, outputs in (
        ("Scaler", x, {"offset": [1.0, 2.0, 3.0], "scale": [2.0]}, 1),
        ("LinearRegressor", x, {**linear, "targets": 2}, 1),
        ("LinearClassifier", x, {**linear, "classlabels_ints": [4, 5]}, 2),
        ("Imputer", x, {"imputed_value_floats": [1.0], "replaced_value_float": float("nan")}, 1),
        ("OneHotEncoder", whole, {"cats_int64s": [1, 2]}, 1),
        ("LabelEncoder", whole, {"keys_int64s": [1, 2], "values_floats": [0.5, 1.5]}, 1),
        (
            "LabelEncoder",
            whole,
            {"keys_tensor": whole[0], "values_tensor": whole[0], "default_tensor": whole[0, :1]},
            1,
        ),
    ):
        handler = find_operator(name, 4, "ai.onnx.ml")
        assert handler is not None
        yield Call(f"ai.onnx.ml.{name}", handler, [value], attributes, outputs)


def compute_on_device(each: Call) -> None:
    """Compute a handler of operands on the device, twice: its results are there, but for those of shapes alone."""
    with AbsentDevice() as mode, RealHost(mode):
        given = {i: mode.from_tensor(each.inputs[i]).to(DEVICE) for i in each.tensors()}
        each(given)
        with OnTheHost() as host:
            outputs = each(given)
    expected = "cpu" if each.operator.name in ON_HOST else DEVICE
    found = {x.device.type for x in outputs if isinstance(x, torch.Tensor)}
    assert found <= {expected}, f"outputs are on {', '.join(sorted(found))}"
    made = set() if each.operator.name in ON_HOST else {*host.found} - SIZES
    assert not made, f"made on the host: {', '.join(sorted(made))}"


def encoded(encoder: str, dynamics: str) -> SpikingModel:
    """Return a network whose input sends spikes."""
    return network(LAYERS["cnn"], spiking_inputs=("x",), input_scales={"x": 4.0}, encoder=encoder, dynamics=dynamics)


def by_channel() -> SpikingModel:
    """Return a network with a scale for each channel."""
    model = network(LAYERS["cnn"])
    model.set_population("neuron_h", scale=np.float32([1, 2, 4, 8]).reshape(4, 1, 1))
    return model


def converted(name: str) -> onnx.ModelProto:
    """Return the spiking IR of the untrained network `name` of `models/`."""
    recipe = networks[name]()
    torch.manual_seed(0)
    image = torch.rand(2, *recipe.shape)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.onnx")
        export(recipe.build().eval(), [image], path)
        proto: onnx.ModelProto = onnx2snn.convert(path, image.numpy(), adapt=False).proto
    return proto


def expresses(model: SpikingModel, dynamics: str) -> bool:
    """Return whether neurons of `dynamics` can express what those of `model` compute."""
    try:
        check_expressible(model.program, make_settings(model.defaults, {"dynamics": dynamics}).dynamics)
    except UnsupportedError:
        return False
    return True


KEPT = torch.ones(3)
"""A tensor that the host had before a run."""


def wrong() -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield what has to fail, by what is wrong with it."""

    def with_values(fault: Callable[[torch.Tensor], object]) -> Callable[[], None]:
        def faulty() -> None:
            with AbsentDevice() as mode, RealHost(mode):
                values = mode.from_tensor(torch.zeros(3)).to(DEVICE)
                with OnTheHost() as host:
                    fault(values)
                assert not host.found

        return faulty

    yield "mixes devices", with_values(lambda x: x + torch.zeros(3))
    yield "waits for the device", with_values(lambda x: bool(x.sum() > 0))
    yield "makes a tensor on the host", with_values(lambda x: torch.ones(3).to(DEVICE))
    yield "brings a tensor from the host", with_values(lambda x: KEPT.to(DEVICE))
    yield "indexes with a tensor of the host", with_values(lambda x: x[torch.tensor([0, 2])])
    yield "chooses a number of the host", with_values(lambda x: torch.where(x > 0, torch.tensor(2.0), x))
    yield (
        "reads a size from the device",
        with_values(lambda x: interpreter.Frame(x.dtype, x.device, {"n": x}).host_value("n")),
    )
    yield "has a shape that depends on data", with_values(torch.nonzero)


KINDS: dict[str, Callable[..., Iterator[Case]]] = {
    each.__name__: each for each in (quick, ways, few, layouts, slow, models, operators, wrong)
}


def main(which: str, *names: str) -> int:
    """Run all cases and print those that fail; return how many."""
    failed = count = 0
    for name, run_it in KINDS[which](*names):
        count += 1
        try:
            run_it()
        except Exception as error:  # noqa: BLE001 - all of them are told
            cause = error.__cause__ or error
            failed += 1
            print(f"{name}: {type(cause).__name__}: {' '.join(str(cause).split())[:300]}", flush=True)
    print(f"{count - failed} of {count} cases on fake tensors of a device")
    return failed


if __name__ == "__main__":
    _setup_privateuseone_for_python_backend(DEVICE)
    sys.exit(min(1, main(*sys.argv[1:])))
