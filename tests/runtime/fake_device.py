"""Runs networks on fake tensors of a made-up accelerator: `python -m tests.runtime.fake_device KIND`.

They have a device and a shape but no numbers; the host's own tensors, such as shapes, are real. What a CUDA device
would make slow or refuse is an error, without one:
operands on different devices, a wait for the device (`item()`, `tolist()`, `bool(tensor)`), an output whose shape
depends on data, and, once a run has warmed up, a tensor that is made on the host. (torch built for CPUs has no fake
tensors of CUDA: these ask it for a device guard.) A process of its own, since caches would keep fake tensors.
"""

import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import onnx
import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

import onnx2snn
from models import networks
from models.export import export
from onnx2snn_runtime.dynamics.base import DYNAMICS
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.execution.base import EXECUTORS
from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.loading import load
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.program import interpreter
from onnx2snn_runtime.program import program as program_module
from onnx2snn_runtime.program.inputs import to_device
from onnx2snn_runtime.program.interpreter import to_tensor
from onnx2snn_runtime.program.rectifiers import check_expressible
from onnx2snn_runtime.settings import make_settings
from tests.runtime.networks import LAYERS, network, sample
from tests.runtime.ops.nodes import Call, calls
from tests.runtime.ops.waiting import ON_HOST, WAITS

DEVICE = "fakegpu"
STEPS = 3
FIXTURES = Path(__file__).parents[1] / "fixtures"


COPIES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)

DRAWN = "aten.rand.generator"
"""Allowed on the host: random encoders draw their numbers there, so that a seed means the same on every device."""


class OnTheHost(TorchDispatchMode):
    """Collects operators that make tensors on the host, or bring them from there to the device."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.excused = False
        """Whether what is made now may be made on the host."""
        self.allowed: dict[int, torch.Tensor] = {}
        """What was made there under that excuse, by its id: it may be brought to the device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        on_host = [x for x in tree_leaves(made) if isinstance(x, torch.Tensor) and x.device.type == "cpu"]
        if self.excused or str(func) == DRAWN:
            self.allowed.update((id(x), x) for x in on_host)
        elif any(x.ndim for x in on_host) or (func in COPIES and not on_host and self._brings(args)):
            self.found.append(str(func))
        return made

    def _brings(self, args: Any) -> bool:
        given = [x for x in tree_leaves(args) if isinstance(x, torch.Tensor) and x.device.type == "cpu"]
        return any(id(x) not in self.allowed for x in given)

    def excusing_shapes(self) -> ExitStack:
        """Excuse what the interpreter computes on the host: shapes, and integers that come of nothing else.

        For executors without a plan, which compute these anew in every run; the device does not wait for them.
        """

        def excused(function: Callable[..., Any], holds: Callable[..., bool]) -> Callable[..., Any]:
            def watched(*args: Any, **kwargs: Any) -> Any:
                before, self.excused = self.excused, self.excused or holds(*args)
                try:
                    return function(*args, **kwargs)
                finally:
                    self.excused = before

            return watched

        stack = ExitStack()
        for name, holds in (("compute", is_of_the_host), ("_on_host", lambda *_: True)):
            watched = excused(getattr(interpreter, name), holds)
            stack.enter_context(mock.patch.object(interpreter, name, watched))
        return stack


def is_of_the_host(item: interpreter.Call, arguments: Sequence[Any], *_: Any) -> bool:
    """Return whether `item` is a shape, or has no tensors but integers on the host (see `interpreter.gather`)."""
    tensors = [x for x in arguments if isinstance(x, torch.Tensor)]
    integers = [x.device.type == "cpu" and not x.is_floating_point() for x in tensors]
    return facts(item.op_type, item.operator.domain).shape_only or (bool(integers) and all(integers))


class RealHost(TorchDispatchMode):
    """Computes what is of the host alone on real tensors, so that shape arithmetic has its numbers."""

    def __init__(self, mode: FakeTensorMode) -> None:
        super().__init__()
        self.mode = mode

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        leaves = tree_leaves((args, kwargs or {}))
        if all(self._of_host(leaf) for leaf in leaves):
            with _disable_current_modes():
                return func(*args, **(kwargs or {}))
        args, kwargs = tree_map_only(torch.Tensor, self._fake, (args, kwargs or {}))
        return func(*args, **kwargs)

    def _of_host(self, leaf: Any) -> bool:
        device = leaf if isinstance(leaf, torch.device) else getattr(leaf, "device", None)
        return not isinstance(leaf, FakeTensor) and (device is None or device.type == "cpu")

    def _fake(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return `tensor` as a fake one: torch would copy a real one to a device that does not exist."""
        return tensor if isinstance(tensor, FakeTensor) else self.mode.from_tensor(tensor)


class AbsentDevice(FakeTensorMode):
    """Fake tensors of a device that may not be asked to hold anything, as torch has it for CUDA without a device."""

    avoid_device_init = True

    def __init__(self) -> None:
        super().__init__(allow_non_fake_inputs=True)


def move(model: SpikingModel, mode: FakeTensorMode) -> None:
    """Move the program of `model` to fake tensors; what is read of constants once, by the host, is that of the real."""
    program = model.program
    held, ceilings = program._host_values, program.ceilings
    with mock.patch.object(program_module, "host_values", return_value=held):
        program._apply(lambda tensor: mode.from_tensor(tensor).to(DEVICE))
    program.ceilings = ceilings


def run(model: SpikingModel, executor: str, **overrides: Any) -> None:
    """Run `model` on fake tensors of a device twice; what the second run does on the host raises AssertionError.

    The executor `layer` keeps shapes, and what comes of them; others compute that on the host in every run.
    """
    inputs = {name: to_tensor(value) for name, value in sample(model, 2).items()}
    settings = make_settings(model.defaults, overrides)
    check_expressible(model.program, settings.dynamics)
    with AbsentDevice() as mode, RealHost(mode), torch.no_grad():
        move(model, mode)
        placed = {
            port.name: to_device(mode.from_tensor(inputs[port.name]), port, model.program)
            for port in model.program.inputs
        }
        EXECUTORS[executor](model.program, settings).run(placed, [], [1, STEPS])
        with OnTheHost() as host, ExitStack() if executor == "layer" else host.excusing_shapes():
            outputs = EXECUTORS[executor](model.program, settings).run(placed, [], [1, STEPS])
    assert all(y.device.type == DEVICE for values in outputs.values() for y in values.values())
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


def few() -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the cases of a few small architectures, with every executor; `quick` has the dynamics."""
    yield from architectures(("mnist_mlp", "digits_cnn", "digits_unet_resize"), ())


def models() -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the cases of every architecture of `models/`."""
    yield from architectures(networks)


def architectures(names: Iterable[str], tried: Iterable[str] = DYNAMICS) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield `names` of `models/` with every executor, and with every dynamics of `tried` that can express them."""
    for name in names:
        data = converted(name)
        dynamics = [(key, "layer") for key in tried if expresses(SpikingModel(data), key)]
        for key, executor in [*dynamics, *(("", each) for each in EXECUTORS)]:
            overrides = {"dynamics": key} if key else {}
            yield (
                f"{name}, {key or 'its own dynamics'}, {executor}",
                lambda d=data, e=executor, o=overrides: run(SpikingModel(d), e, **o),
            )


def operators() -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the handlers, by the cases of ONNX's own suite, but for those that have to wait for the device."""
    for each in calls():
        if each.operator.name not in WAITS and each.tensors():
            yield each.name, lambda c=each: compute_on_device(c)


def compute_on_device(each: Call) -> None:
    """Compute a handler of operands on the device; its results are there, but for those that are of shapes alone."""
    with AbsentDevice() as mode, RealHost(mode):
        outputs = each({i: mode.from_tensor(each.inputs[i]).to(DEVICE) for i in each.tensors()})
    expected = "cpu" if each.operator.name in ON_HOST else DEVICE
    found = {x.device.type for x in outputs if isinstance(x, torch.Tensor)}
    assert found <= {expected}, f"outputs are on {', '.join(sorted(found))}"


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
        def case() -> None:
            with AbsentDevice() as mode, RealHost(mode):
                values = mode.from_tensor(torch.zeros(3)).to(DEVICE)
                with OnTheHost() as host:
                    fault(values)
                assert not host.found

        return case

    yield "mixes devices", with_values(lambda x: x + torch.zeros(3))
    yield "waits for the device", with_values(lambda x: bool(x.sum() > 0))
    yield "makes a tensor on the host", with_values(lambda x: torch.ones(3).to(DEVICE))
    yield "brings a tensor from the host", with_values(lambda x: KEPT.to(DEVICE))
    yield (
        "reads a size from the device",
        with_values(lambda x: interpreter.Frame(x.dtype, x.device, {"n": x}).host_value("n")),
    )
    yield "has a shape that depends on data", with_values(torch.nonzero)


KINDS = {each.__name__: each for each in (quick, slow, few, models, operators, wrong)}


def main(which: str) -> int:
    """Run all cases and print those that fail; return how many."""
    failed = count = 0
    for name, case in KINDS[which]():
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
