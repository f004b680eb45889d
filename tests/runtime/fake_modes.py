"""Dispatch modes for runs on fake tensors of a made-up accelerator: see `fake_device`.

They have a device and a shape but no numbers; the host's own tensors, such as shapes, are real.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map_only

from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.program import interpreter

DEVICE = "fakegpu"

COPIES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)

WAIT_FOR_NUMBERS = (*COPIES, torch.ops.aten.where.self)
"""Operators to which a single number on the host is copied; others are given it as an argument of their kernel."""


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
        if self.excused:
            self.allowed.update((id(x), x) for x in on_host)
        elif any(x.ndim for x in on_host) or (not on_host and self._brings(func, args)):
            self.found.append(str(func))
        return made

    def _brings(self, func: Any, args: Any) -> bool:
        """Return whether `func` takes from the host what is not allowed: an index there is copied as well."""
        given = [x for x in tree_leaves(args) if isinstance(x, torch.Tensor) and x.device.type == "cpu"]
        return any(id(x) not in self.allowed and (x.ndim or func in WAIT_FOR_NUMBERS) for x in given)

    @contextmanager
    def excuse(self, excused: bool = True) -> Iterator[None]:
        """Excuse what is made inside, if `excused`."""
        before, self.excused = self.excused, self.excused or excused
        try:
            yield
        finally:
            self.excused = before

    def excusing(self, owner: Any, name: str, holds: Callable[..., bool] = lambda *_: True) -> Any:
        """Excuse what the function `name` of `owner` does, where `holds` says so of its arguments."""
        function = getattr(owner, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            with self.excuse(holds(*args)):
                return function(*args, **kwargs)

        return mock.patch.object(owner, name, watched)

    def excusing_shapes(self) -> ExitStack:
        """Excuse what the interpreter computes on the host: shapes, and integers that come of nothing else.

        For executors without a plan, which compute these anew in every run; the device does not wait for them.
        """
        stack = ExitStack()
        stack.enter_context(self.excusing(interpreter, "compute", is_of_the_host))
        stack.enter_context(self.excusing(interpreter, "_on_host"))
        return stack

    def excusing_shapes_of(self, owner: Any, name: str) -> Any:
        """Excuse the same where it is done by the function `name` of `owner`."""
        function = getattr(owner, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            with self.excusing_shapes():
                return function(*args, **kwargs)

        return mock.patch.object(owner, name, watched)


def is_of_the_host(item: interpreter.Call, arguments: Sequence[Any], *_: Any) -> bool:
    """Return whether `item` is a shape, or has no tensors but integers on the host (see `interpreter.gather`)."""
    tensors = [x for x in arguments if isinstance(x, torch.Tensor)]
    integers = [x.device.type == "cpu" and not x.is_floating_point() for x in tensors]
    return facts(item.op_type, item.operator.domain).shape_only or (bool(integers) and all(integers))


class TurnedInputs(TorchDispatchMode):
    """Collects convolutions over planes whose input lies in another layout than their weight: it would be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, ...]] = []
        self.seen = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.convolution.default and args[1].ndim == 4:
            self.seen += 1
            x, weight = args[:2]
            if _channels_last(weight) and not _channels_last(x):
                self.found.append(tuple(x.shape))
        return func(*args, **(kwargs or {}))


def _channels_last(x: torch.Tensor) -> bool:
    return x.is_contiguous(memory_format=torch.channels_last)


def layouts_of_cudnn() -> Any:
    """Let convolutions of fake tensors have the layout that cuDNN gives theirs: that of the input or of the weight."""

    def layout(x: torch.Tensor, weight: torch.Tensor, backend: Any) -> torch.memory_format:
        turned = weight.ndim == 4 and (_channels_last(x) or _channels_last(weight))
        return torch.channels_last if turned else torch.contiguous_format

    return mock.patch.object(torch._C, "_conv_determine_backend_memory_format", layout)


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
