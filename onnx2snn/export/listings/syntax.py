"""Reads Python sources: what a module defines, which names a definition is given from outside, and its text."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import ModuleType

from onnx2snn_runtime.errors import UnsupportedError

Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
_SCOPES = (ast.FunctionDef, ast.Lambda)


@cache
def parsed(module: ModuleType) -> tuple[str, ast.Module]:
    """Return the source of `module` and its tree; a module without one raises UnsupportedError."""
    try:
        text = inspect.getsource(module)
    except (OSError, TypeError) as error:
        raise UnsupportedError(
            f"the source of the Python module {module.__name__} cannot be read, so that it cannot be written into a "
            "PyTorch file: export with --to onnx-step"
        ) from error
    return text, ast.parse(text)


@cache
def bindings(module: ModuleType) -> Mapping[str, ast.stmt]:
    """Return the statements of `module` that bind names at its top level, by name."""
    found: dict[str, ast.stmt] = {}
    for node in parsed(module)[1].body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.split(".")[0]: node for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            found |= {target.id: node for target in targets_of(node)}
    return found


def targets_of(node: ast.AST) -> list[ast.Name]:
    """Return the names that an assignment binds, in order; of another node none."""
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return []
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [each for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]


def free_names(node: ast.AST, bound: frozenset[str] = frozenset()) -> Iterator[ast.Name]:
    """Yield the names that `node` reads and does not bind itself, those of annotations too; nothing that registers."""
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load) and node.id not in bound:
            yield node
        return
    if isinstance(node, _SCOPES):
        arguments = node.args
        yield from free_names(arguments, bound)
        if isinstance(node, ast.FunctionDef):
            for outside in (*kept_decorators(node), *([node.returns] if node.returns else [])):
                yield from free_names(outside, bound)
        body = node.body if isinstance(node.body, list) else [node.body]
        own = {each.arg for each in ast.walk(arguments) if isinstance(each, ast.arg)}
        own |= {name for part in body for name in _stored(part)}
        for part in body:
            yield from free_names(part, bound | own)
        return
    own_targets = _stored(node) if isinstance(node, _COMPREHENSIONS) else set()
    left_out = set(node.decorator_list) - set(kept_decorators(node)) if isinstance(node, ast.ClassDef) else set()
    for child in ast.iter_child_nodes(node):
        if child not in left_out:
            yield from free_names(child, bound | own_targets)


_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _stored(node: ast.AST) -> set[str]:
    """Return the names that are assigned to somewhere in `node`."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


def kept_decorators(node: ast.FunctionDef | ast.ClassDef) -> list[ast.expr]:
    """Return the decorators of `node` without those that register it."""
    return [each for each in node.decorator_list if not _registers(each)]


def _registers(decorator: ast.expr) -> bool:
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (isinstance(function, ast.Attribute) and function.attr == "register") or (
        isinstance(function, ast.Name) and function.id == "operator"
    )


def written(module: ModuleType, node: ast.AST, name: str, text_of: Callable[[ast.Name], str | None]) -> str:
    """Return the source of the definition `node` of `module`, called `name`, without what registers it.

    The names that it reads from outside, and those that an assignment binds, are written as `text_of` gives them, None
    for one that stays.
    """
    source = parsed(module)[0].splitlines()
    start = node.lineno - 1  # type: ignore[attr-defined]
    named = [*targets_of(node), *free_names(node)]
    edits = [(each, new) for each in named if (new := text_of(each)) is not None and new != each.id]
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        start = min([start, *(each.lineno - 1 for each in kept_decorators(node))])
    lines = [line.encode() for line in source]
    if isinstance(node, ast.Lambda):  # one of several things on its lines
        last = (node.end_lineno or 0) - 1
        lines[last] = lines[last][: node.end_col_offset]
    for each, new in sorted(edits, key=lambda edit: (edit[0].lineno, edit[0].col_offset), reverse=True):
        line = lines[each.lineno - 1]
        lines[each.lineno - 1] = line[: each.col_offset] + new.encode() + line[each.end_col_offset :]
    if isinstance(node, ast.Lambda):
        lines[start] = lines[start][node.col_offset :]
    kept = [line.decode() for line in lines[start : node.end_lineno]]  # type: ignore[attr-defined]
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        _without_registering(node, kept, start)
        keyword = "def" if isinstance(node, ast.FunctionDef) else "class"
        at = next(i for i, line in enumerate(kept) if line.lstrip().startswith(f"{keyword} {node.name}"))
        kept[at] = kept[at].replace(f"{keyword} {node.name}", f"{keyword} {name}", 1)
    return textwrap.dedent("\n".join(kept))


def _without_registering(node: ast.FunctionDef | ast.ClassDef, lines: list[str], start: int) -> None:
    for each in reversed(node.decorator_list):
        if _registers(each) and each.lineno - 1 >= start:
            del lines[each.lineno - 1 - start : (each.end_lineno or each.lineno) - start]
