"""Gathers the sources of functions and classes, with all that they stand on, as definitions of one Python file.

Handlers of operators, dynamics, encoders and schedules are plain torch code that knows nothing of files or graphs; what
a network uses of them is copied as it stands, so that a file computes what the runtime does. Decorators that register
are left out, interfaces (Protocols) become Any. What needs another package than torch and numpy is refused by name.
"""

import ast
import builtins
import functools
import importlib
import math
import sys
from collections.abc import Mapping
from dataclasses import fields
from types import FunctionType, ModuleType
from typing import Any

import torch
from torch import Tensor  # noqa: F401 (what files import)
from torch.nn import functional

from onnx2snn.export.listings.names import Names
from onnx2snn.export.listings.syntax import bindings, free_names, parsed, targets_of, written
from onnx2snn_runtime.errors import UnsupportedError

ALLOWED = frozenset(sys.stdlib_module_names) | {"torch", "numpy"}
PLAIN = {"Ints": "list[int]", "Floats": "list[float]", "Scalar": "float"}
"""The annotations of a handler's host arguments, as a file without dispatch has them."""
OWN = "onnx2snn_runtime"


class Sources:
    """Definitions and imports of a file, in an order in which they can be run."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.imports: dict[str, None] = {}
        self.definitions: list[str] = []
        self._known: dict[tuple[str, str], str] = {}
        self._nested: dict[int, tuple[Any, str]] = {}
        self._imports: dict[tuple[str, str], str] = {}

    def text(self, value: Any, hint: str = "") -> str:
        """Return an expression for `value`, a number, a text, a function, a class, or an instance of a dataclass."""
        if value is None or isinstance(value, bool | int | str):
            return repr(value)
        if isinstance(value, float):
            return repr(value) if math.isfinite(value) else f'float("{value}")'
        if isinstance(value, tuple | list):
            inner = ", ".join(self.text(each) for each in value)
            return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' if len(value) == 1 else ''})"
        if isinstance(value, functools.partial):
            self.imports["import functools"] = None
            given = [self.text(value.func), *map(self.text, value.args)]
            return f"functools.partial({', '.join([*given, *self._options(value.keywords)])})"
        if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
            usual = {field.name: field.default for field in fields(value)}
            chosen = {name: getattr(value, name) for name in usual if getattr(value, name) != usual[name]}
            return f"{self.text(type(value))}({', '.join(self._options(chosen))})"
        return self._function(value, hint)

    def _options(self, given: Mapping[str, Any]) -> list[str]:
        return [f"{name}={self.text(value)}" for name, value in given.items()]

    def _function(self, value: Any, hint: str) -> str:
        for place, where in (("torch", torch), ("functional", functional)):
            called = getattr(value, "__name__", "")
            if getattr(where, called, None) is value:
                here = place if place == "torch" else self.define(sys.modules[__name__], "functional")
                return f"{here}.{called}"
        module = sys.modules.get(getattr(value, "__module__", "") or "")
        name = getattr(value, "__qualname__", "")
        if isinstance(value, type) and module is builtins:
            return name
        if module is None or not isinstance(value, FunctionType | type):
            raise UnsupportedError(f"{value!r} is no Python code that could be written into a PyTorch file")
        if "<" in name and isinstance(value, FunctionType):
            return self._closure(value, module, hint)
        return self.define(module, name)

    def define(self, module: ModuleType, name: str) -> str:
        """Add the definition of `name` in `module`, and all that it stands on; return what it is called in the file."""
        key = (module.__name__, name)
        if key in self._known:
            return self._known[key]
        if getattr(module, name, None) is torch.Tensor and module is not sys.modules[__name__]:
            return self.define(sys.modules[__name__], "Tensor")  # one name, whoever names it how
        node = bindings(module)[name]
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._known[key] = self._imported(module, node, name)
            return self._known[key]
        for each in targets_of(node):
            self._known[(module.__name__, each.id)] = self.names.new(each.id)
        given = self._known.setdefault(key, "") or self.names.new(name)
        self._known[key] = given
        if module.__name__ == f"{OWN}.ops" and name in PLAIN:
            self.definitions.append(f"{given} = {PLAIN[name]}")
        elif getattr(getattr(module, name), "_is_protocol", False):
            self.imports["from typing import Any"] = None
            self.definitions.append(f"{given} = Any")
        else:
            self._write(module, node, given, {})
        return given

    def _write(self, module: ModuleType, node: ast.AST, name: str, cells: Mapping[str, Any]) -> None:
        held = bindings(module)
        known = {each.id: self._known[(module.__name__, each.id)] for each in targets_of(node)}
        for each in free_names(node):
            if each.id in cells:
                known[each.id] = self.text(cells[each.id], f"{name}_{each.id}")
            elif each.id in held:
                known[each.id] = self.define(module, each.id)
        text = written(module, node, name, lambda each: known.get(each.id))
        self.definitions.append(f"{name} = {text}" if isinstance(node, ast.Lambda) else text)

    def _closure(self, value: FunctionType, module: ModuleType, hint: str) -> str:
        """Write a function that another one made, with what it holds of that one's variables."""
        if id(value) in self._nested:
            return self._nested[id(value)][1]
        name = self.names.new(hint or value.__name__.strip("<>"))
        self._nested[id(value)] = value, name
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        self._write(module, _node_of(value, module), name, dict(zip(value.__code__.co_freevars, cells, strict=True)))
        return name

    def _imported(self, module: ModuleType, node: ast.Import | ast.ImportFrom, name: str) -> str:
        alias = next(each for each in node.names if (each.asname or each.name.split(".")[0]) == name)
        source = (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        root = source.split(".")[0]
        if isinstance(node, ast.ImportFrom) and root in (OWN, module.__name__.split(".")[0]) and root not in ALLOWED:
            return self.define(importlib.import_module(source), alias.name)
        if root not in ALLOWED:
            raise UnsupportedError(
                f"{module.__name__} needs the package {root}, and a PyTorch file needs torch and numpy alone: export "
                "with --to onnx-step"
            )
        what = (source, alias.name if isinstance(node, ast.ImportFrom) else "")
        if what not in self._imports:
            self._imports[what] = chosen = name if name in _ALWAYS else self.names.new(name)
            line = f"from {source} import {alias.name}" if what[1] else f"import {source}"
            self.imports[line if chosen in (alias.name, source) else f"{line} as {chosen}"] = None
        return self._imports[what]


_ALWAYS = ("torch", "np")
"""What every file calls by these names."""


def chooses_types(function: Any) -> bool:
    """Return whether a handler may give numbers of another type than it was given: it names types, or makes tensors."""
    module = sys.modules.get(getattr(function, "__module__", "") or "")
    if module is None or not isinstance(function, FunctionType) or module.__name__.split(".")[0] == "torch":
        return False
    found = list(ast.walk(_node_of(function, module)))
    named = [each.id for each in found if isinstance(each, ast.Name)]
    whole = {id(call.func) for call in found if isinstance(call, ast.Call) and any(map(_says_whole, call.keywords))}
    made = [
        each for each in found if isinstance(each, ast.Attribute) and each.attr in _MAKERS and id(each) not in whole
    ]
    return "torch_dtype" in named or any(isinstance(e.value, ast.Name) and e.value.id == "torch" for e in made)


def _says_whole(keyword: ast.keyword) -> bool:
    return keyword.arg == "dtype" and isinstance(keyword.value, ast.Attribute) and keyword.value.attr in _WHOLE


_WHOLE = ("int64", "int32", "bool")
_MAKERS = frozenset("float32 float64 rand randn zeros ones full eye tensor arange linspace".split())


def _node_of(value: FunctionType, module: ModuleType) -> ast.AST:
    """Return the node of a function inside another one, or of a lambda."""
    code = value.__code__
    kind = ast.Lambda if value.__name__ == "<lambda>" else ast.FunctionDef
    found = [
        node
        for node in ast.walk(parsed(module)[1])
        if isinstance(node, kind)
        and code.co_firstlineno in (node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ())))
        and getattr(node, "name", "<lambda>") == value.__name__
    ]
    if len(found) != 1:
        raise UnsupportedError(f"the source of {value.__qualname__} in {module.__name__} cannot be told from others")
    return found[0]
