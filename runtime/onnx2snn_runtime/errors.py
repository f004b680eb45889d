"""The one error base class of the project; every message says what is wrong, where, and what to do."""

import traceback
from contextlib import ContextDecorator
from types import TracebackType
from typing import Any


class Onnx2SnnError(Exception):
    """Anything that a user of onnx2snn can put right; its text is one sentence."""


class InputError(Onnx2SnnError, ValueError):
    """An array, option or file of the caller's does not fit; the text names it."""


class ModelError(Onnx2SnnError):
    """A model cannot be read, converted or run; the text names the file and the node."""


class UnsupportedError(ModelError):
    """A model holds operators that cannot be converted or run; the text names all of them."""


class RegistryError(Onnx2SnnError, LookupError):
    """A name is unknown, or registered twice."""


class Stage(ContextDecorator):
    """A stage of the work: what another library raises in it becomes a `kind` of one sentence, chained.

    `doing` names the stage in the sentence, such as "reading 'a.onnx'". Errors of this project pass, and so does what
    is no Exception (Ctrl-C), and the memory of a GPU that is used up, which callers may want to know.
    """

    def __init__(self, doing: str, kind: type[Onnx2SnnError] = ModelError) -> None:
        self.doing = doing
        self.kind = kind

    def __enter__(self) -> "Stage":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise the sentence."""
        if isinstance(error, Exception) and not isinstance(error, Onnx2SnnError) and not _is_gpu_memory(error):
            raise self.kind(sentence(self.doing, error)) from error


def sentence(doing: str, error: BaseException) -> str:
    """Return what a foreign `error` says in one sentence: the stage, the node at work, the kind and the first line."""
    node = _node_at_work(error)
    where = f"{doing} failed" + (f" at the {node}" if node else "")
    if isinstance(error, MemoryError):
        return f"{where}: it needs more memory than there is; check the sizes in the model and the data"
    said = ": ".join(part for part in (type(error).__name__, first_line(error)) if part)
    return f"{where} ({said}): check the model and the data; --debug shows where"


def first_line(error: BaseException, length: int = 200) -> str:
    """Return the first line of what `error` says, at most `length` characters of it."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return line if len(line) <= length else line[: length - 3] + "..."


def _node_at_work(error: BaseException) -> str:
    """Return in words the node that the innermost function with a `node` or an `item` worked on, or ''."""
    found = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        for name in ("node", "item"):
            found = _in_words(frame.f_locals.get(name)) or found
    return found


def _in_words(node: Any) -> str:
    operator = getattr(node, "op_type", None) or getattr(node, "op", None)
    name = getattr(node, "name", None)
    if not isinstance(operator, str) or not isinstance(name, str):
        return ""
    outputs = getattr(node, "output", None) or getattr(node, "outputs", None) or [""]
    return f"{operator} node {name or getattr(outputs[0], 'name', outputs[0])!r}"


def _is_gpu_memory(error: Exception) -> bool:
    return any(kind.__name__ == "OutOfMemoryError" and kind.__module__ == "torch" for kind in type(error).__mro__)
