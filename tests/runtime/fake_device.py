"""Runs networks on fake tensors of a made-up accelerator: `python -m tests.runtime.fake_device quick|slow|models`.

They have a device and a shape but no numbers; the host's own tensors, such as shapes, are real. What a CUDA device
would make slow or refuse is an error, without one:
operands on different devices, a wait for the device (`item()`, `tolist()`, `bool(tensor)`), an output whose shape
depends on data, and, once a run has warmed up, a tensor that is made on the host. (torch built for CPUs has no fake
tensors of CUDA: these ask it for a device guard.) A process of its own, since caches would keep fake tensors.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import onnx
import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

import onnx2snn
from models import networks
from models.export import export
from onnx2snn_runtime.dynamics.base import DYNAMICS
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.execution.base import EXECUTORS
from onnx2snn_runtime.loading import load
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.program import program as program_module
from onnx2snn_runtime.program.inputs import to_device
from onnx2snn_runtime.program.interpreter import to_tensor
from onnx2snn_runtime.program.rectifiers import check_expressible
from onnx2snn_runtime.settings import make_settings
from tests.runtime.networks import LAYERS, network, sample

DEVICE = "fakegpu"
STEPS = 3
FIXTURES = Path(__file__).parents[1] / "fixtures"


DRAWN = "aten.rand.generator"
"""Allowed on the host: random encoders draw their numbers there, so that a seed means the same on every device."""


class OnTheHost(TorchDispatchMode):
    """Collects operators that make tensors on the host, or bring them from there to the device."""

    def __init__(self, integers: bool = True) -> None:
        super().__init__()
        self.integers = integers
        """Whether integers count: executors without a plan compute shapes anew in every run, on the host alone."""
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        values = made if isinstance(made, tuple | list) else (made,)
        on_host = [v for v in values if isinstance(v, torch.Tensor) and v.device.type == "cpu" and v.ndim]
        if any(self.integers or v.is_floating_point() for v in on_host) and str(func) != DRAWN:
            self.found.append(str(func))
        return made


class RealHost(TorchDispatchMode):
    """Computes what is of the host alone on real tensors, so that shape arithmetic has its numbers."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        leaves = tree_leaves((args, kwargs or {}))
        devices = [leaf for leaf in leaves if isinstance(leaf, torch.device)]
        tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
        on_host = all(x.device.type == "cpu" and not isinstance(x, FakeTensor) for x in tensors)
        if on_host and all(device.type == "cpu" for device in devices):
            with _disable_current_modes():
                return func(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def move(model: SpikingModel, mode: FakeTensorMode) -> None:
    """Move the program of `model` to fake tensors; what is read of constants once, by the host, is that of the real."""
    program = model.program
    held, ceilings = program._host_values, program.ceilings
    with mock.patch.object(program_module, "host_values", return_value=held):
        program._apply(lambda tensor: mode.from_tensor(tensor).to(DEVICE))
    program.ceilings = ceilings


def run(model: SpikingModel, executor: str, *, shapes: bool = False, **overrides: Any) -> None:
    """Run `model` on fake tensors of a device twice; what the second run does on the host raises AssertionError.

    `shapes`: arithmetic of integers there is none, but in the executor `layer`, which keeps what it found.
    """
    inputs = {name: to_tensor(value) for name, value in sample(model, 2).items()}
    settings = make_settings(model.defaults, overrides)
    check_expressible(model.program, settings.dynamics)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode, RealHost(), torch.no_grad():
        move(model, mode)
        placed = {
            port.name: to_device(mode.from_tensor(inputs[port.name]), port, model.program)
            for port in model.program.inputs
        }
        for host in (None, OnTheHost(integers=not shapes or executor == "layer")):
            execution = EXECUTORS[executor](model.program, settings)
            with host or mock.MagicMock():
                outputs = execution.run(placed, [], [1, STEPS])
        assert all(y.device.type == DEVICE for values in outputs.values() for y in values.values())
        assert host is not None
        assert not host.found, f"made on the host: {', '.join(sorted(set(host.found)))}"


def quick() -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the cases of the quick tests: layers with every executor, one network with every dynamics."""
    for name, text in LAYERS.items():
        for executor in EXECUTORS:
            yield f"{name}, {executor}", lambda text=text, executor=executor: run(network(text), executor)
    for dynamics in DYNAMICS:
        for executor in EXECUTORS:
            yield f"{dynamics}, {executor}", lambda d=dynamics, e=executor: run(network(LAYERS["cnn"]), e, dynamics=d)


def slow() -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the cases of the slow tests: every kept IR file with every executor."""
    for path in sorted(FIXTURES.glob("ir_v*/*.snn.onnx")):
        for executor in EXECUTORS:
            yield f"{path.name}, {executor}", lambda p=path, e=executor: run(load(p), e)


def models() -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield every architecture of `models/` with every executor, and with every dynamics that can express it."""
    for name in networks:
        data = converted(name)
        dynamics = [(key, "layer") for key in DYNAMICS if expresses(SpikingModel(data), key)]
        for key, executor in [*dynamics, *(("", each) for each in EXECUTORS)]:
            overrides = {"dynamics": key} if key else {}
            yield (
                f"{name}, {key or 'its own dynamics'}, {executor}",
                lambda d=data, e=executor, o=overrides: run(SpikingModel(d), e, shapes=True, **o),
            )


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


def wrong() -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield what has to fail, by what is wrong with it."""

    def with_values(fault: Callable[[torch.Tensor], object]) -> Callable[[], None]:
        def case() -> None:
            with FakeTensorMode(allow_non_fake_inputs=True) as mode:
                values = mode.from_tensor(torch.zeros(3)).to(DEVICE)
                with OnTheHost() as host:
                    fault(values)
                assert not host.found

        return case

    yield "mixes devices", with_values(lambda x: x + torch.zeros(3))
    yield "waits for the device", with_values(lambda x: bool(x.sum() > 0))
    yield "makes a tensor on the host", with_values(lambda x: torch.ones(3).to(DEVICE))
    yield "has a shape that depends on data", with_values(torch.nonzero)


def main(which: str) -> int:
    """Run all cases and print those that fail; return how many."""
    failed = count = 0
    for name, case in {"quick": quick, "slow": slow, "models": models, "wrong": wrong}[which]():
        count += 1
        try:
            case()
        except Exception as error:  # noqa: BLE001 - all of them are told
            cause = error.__cause__ or error
            failed += 1
            print(f"{name}: {type(cause).__name__}: {' '.join(str(cause).split())[:300]}", flush=True)
    print(f"{count - failed} of {count} cases on fake tensors of a device")
    return failed


if __name__ == "__main__":
    _setup_privateuseone_for_python_backend(DEVICE)
    sys.exit(min(1, main(sys.argv[1])))
