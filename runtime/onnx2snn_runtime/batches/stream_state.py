"""The state of a stream as arrays by name, which `np.savez` and pickle take, and back."""

from collections.abc import Mapping

import numpy as np
import torch

from onnx2snn_runtime.dynamics.base import State
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.program.interpreter import Tensor

States = Mapping[str, State]
PARTS = ("v", "memory", "momentum")


def to_arrays(kind: str, states: States) -> dict[str, np.ndarray]:
    """Return `states` as arrays: KIND/NAME/v, and KIND/NAME/memory/0, ... where there are such."""
    found = {}
    for name, state in states.items():
        found[f"{kind}/{name}/v"] = state.v
        for part in PARTS[1:]:
            found.update({f"{kind}/{name}/{part}/{i}": value for i, value in enumerate(getattr(state, part))})
    return {key: array(value) for key, value in found.items()}


def from_arrays(kind: str, arrays: Mapping[str, np.ndarray], device: torch.device) -> dict[str, State]:
    """Return the states that `to_arrays` wrote."""
    parts: dict[str, dict[str, dict[int, Tensor]]] = {}
    for key, value in arrays.items():
        if not key.startswith(f"{kind}/"):
            continue
        name, part, index = _split(key.removeprefix(f"{kind}/"))
        parts.setdefault(name, {one: {} for one in PARTS})[part][index] = tensor(value, device)
    return {name: State(own["v"][0], _listed(own["memory"]), _listed(own["momentum"])) for name, own in parts.items()}


def _split(key: str) -> tuple[str, str, int]:
    """Return the name, the part and its number; names may hold slashes."""
    head, _, last = key.rpartition("/")
    if last == "v":
        return head, "v", 0
    name, _, part = head.rpartition("/")
    return name, part, int(last)


def _listed(values: Mapping[int, Tensor]) -> tuple[Tensor, ...]:
    return tuple(values[index] for index in sorted(values))


def array(value: Tensor) -> np.ndarray:
    """Return a copy of `value` in the host's memory."""
    made: np.ndarray = value.detach().cpu().numpy().copy()
    return made


def tensor(value: np.ndarray, device: torch.device) -> Tensor:
    """Return a copy of `value` on `device`."""
    return torch.from_numpy(np.array(value)).to(device)


def check_arrays(arrays: object, outputs: set[str]) -> Mapping[str, np.ndarray]:
    """Return `arrays`, the state of a network whose populations have these `outputs`; another raises InputError."""
    held = dict(arrays.items()) if hasattr(arrays, "items") else None
    if held is None or not {"t", "frames", "samples"} <= held.keys():
        raise InputError("this is no state of a stream: give what state() returned, or np.load of what np.savez wrote")
    found = {_split(key.removeprefix("population/"))[0] for key in held if key.startswith("population/")}
    strange = found ^ outputs if found else set()
    if strange:
        raise InputError(f"the state is of another network: only one of both has the population {min(strange)!r}")
    return held
