"""ONNX operators as plain torch functions: one handler per operator, registered by domain, name and opset.

A handler's Python signature is the ONNX schema: inputs positional (optional ones default to None), attributes
keyword-only with their ONNX names and defaults. It returns one tensor, or a tuple for several outputs; it has no
time axis, sees no node object and never writes into its inputs.

- An input annotated `Ints` (shapes, axes, pads, repeats, ...) arrives as a list of Python ints, one annotated `Floats`
  (scales) as a list of Python floats, so that a handler never waits for the device; one annotated `Scalar` arrives as a
  Python number.
- Where an attribute of an old opset became an input of the same name, one handler serves both: the attribute is passed
  by keyword to the positional parameter.
- A keyword-only parameter named `outputs` receives the number of outputs the node has (Split).
- A TENSOR attribute arrives as a torch tensor, a STRING as str, a GRAPH as a callable over its inputs.
- What an operator is besides (affine, elementwise, weighted, ...) stands in its module's literal `OPERATORS`: see
  `ir.operators`.
- Where the meaning of an operator changed between opsets, register one handler a meaning, with `since`.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from onnx2snn_runtime.registry import Registry

Ints = Annotated[list[int], "host integers"]
Floats = Annotated[list[float], "host floats"]
Scalar = Annotated[float, "host scalar"]
Declared = dict[str, dict[str, Any]]
"""The facts of a module's operators, by their names: see `ir.operators`."""

LONGEST = 1 << 30
"""No axis that a node makes is longer: that would take minutes, and all memory, before it fails."""

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True)
class Operator:
    """One meaning of one operator: the handler that computes it, and how its inputs arrive."""

    domain: str
    name: str
    since: int
    function: Callable[..., Any] = field(repr=False)
    ints: frozenset[int]
    scalars: frozenset[int]
    wants_outputs: bool

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by name what is registered, for some handlers are made by functions; others as they are."""
        if find_operator(self.name, self.since, self.domain) is self:
            return find_operator, (self.name, self.since, self.domain)
        fields = (self.domain, self.name, self.since, self.function, self.ints, self.scalars, self.wants_outputs)
        return Operator, fields


_VERSIONS: Registry[dict[int, Operator]] = Registry("operator", "onnx2snn_runtime.ops")


def operator(*names: str, domain: str = "", since: int = 1) -> Callable[[Handler], Handler]:
    """Register a handler for the operators `names` of `domain`, from opset `since` on."""

    def register(function: Handler) -> Handler:
        parameters = list(inspect.signature(function, eval_str=True).parameters.values())
        positional = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
        ints = frozenset(i for i, p in enumerate(positional) if _is(p, Ints) or _is(p, Floats))
        scalars = frozenset(i for i, p in enumerate(positional) if _is(p, Scalar))
        wants = any(p.name == "outputs" and p.kind is p.KEYWORD_ONLY for p in parameters)
        for name in names:
            entry = Operator(domain, name, since, function, ints, scalars, wants)
            key = f"{domain}::{name}"
            versions = _VERSIONS._entries.get(key, {})
            if since in versions:
                _VERSIONS.register(key)(versions)  # raises: registered twice
            _VERSIONS._entries[key] = versions | {since: entry}
        return function

    return register


def _is(parameter: inspect.Parameter, marker: Any) -> bool:
    return marker in (parameter.annotation, *getattr(parameter.annotation, "__args__", ()))


def find_operator(name: str, opset: int, domain: str = "") -> Operator | None:
    """Return the operator that computes `name` of `domain` at `opset`, or None where there is no handler."""
    versions = _VERSIONS.get(f"{'' if domain == 'ai.onnx' else domain}::{name}") or {}
    fitting = [since for since in versions if since <= opset]
    return versions[max(fitting)] if fitting else None


def handlers_since(name: str, domain: str = "") -> list[int]:
    """Return the opsets from which on a handler computes `name` of `domain`, one for each meaning, ascending."""
    return sorted(_VERSIONS.get(f"{domain}::{name}") or {})


def known_operators() -> list[tuple[str, str]]:
    """Return every (domain, name) that has a handler, sorted."""
    return sorted((key.split("::")[0], key.split("::")[1]) for key in _VERSIONS)
