"""The exceptions of the project; every message says what is wrong, where, and what to do."""

import re
import traceback
import warnings
from collections.abc import Iterator
from contextlib import ContextDecorator, contextmanager
from types import TracebackType
from typing import Any

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
"""Control characters, those that reorder or hide text, and the halves that stand for bytes of a file's name."""


def printable(text: str) -> str:
    r"""Return `text` with every control character written out, such as \x1b or \u202e: one line that is what it is."""
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class Onnx2SnnError(Exception):
    """Base class of all errors that a user of onnx2snn can fix; the message is one sentence on one line.

    Names in it come from files that anybody may have written: their control characters are written out.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(printable(part) if isinstance(part, str) else part for part in args))


class InputError(Onnx2SnnError, ValueError):
    """An array, option or file of the caller is invalid; the message names it."""


class ModelError(Onnx2SnnError):
    """A model cannot be read, converted or run; the message names the file and the node."""


class UnsupportedError(ModelError):
    """A model contains operators that cannot be converted or run; the message names all of them."""


class RegistryError(Onnx2SnnError, LookupError):
    """A registry name is unknown, or registered twice."""


class Onnx2SnnWarning(UserWarning):
    """Something that a user should know of a run that goes on; the message is one sentence, with what to do."""


class SaturationWarning(Onnx2SnnWarning):
    """Populations of a run are beyond the range they were calibrated for; the message names the worst."""


class NotFiniteWarning(Onnx2SnnWarning):
    """An output of a run is NaN; the message names the output and the input."""


@contextmanager
def trying() -> Iterator[None]:
    """Context manager for runs that only try settings: what they say of their values is no news to the user."""
    with warnings.catch_warnings():
        for kind in (SaturationWarning, NotFiniteWarning):
            warnings.simplefilter("ignore", kind)
        yield


class Stage(ContextDecorator):
    """Context manager or decorator that turns exceptions of other libraries into a `kind` of one sentence, chained.

    `doing` names the stage in the message, such as "reading 'a.onnx'". Errors of this project propagate unchanged, and
    so do KeyboardInterrupt and the like, and torch's OutOfMemoryError, which callers may want to handle.
    """

    def __init__(self, doing: str, kind: type[Onnx2SnnError] = ModelError) -> None:
        self.doing = doing
        self.kind = kind

    def __enter__(self) -> "Stage":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise a `kind` for a foreign exception."""
        passed = isinstance(error, Onnx2SnnError | Warning)  # warnings are exceptions where Python is told so
        if isinstance(error, Exception) and not passed and not _is_gpu_memory(error):
            raise self.kind(sentence(self.doing, error)) from error


def sentence(doing: str, error: BaseException) -> str:
    """Return the message for a foreign `error`: the stage, the node being processed, the exception's type and text."""
    node = _node_at_work(error)
    where = f"{doing} failed" + (f" at the {node}" if node else "")
    if isinstance(error, MemoryError):
        return f"{where}: it needs more memory than there is; check the sizes in the model and the data"
    if isinstance(error, OSError) and error.strerror:
        named = error.filename is not None
        path = f": {first_line(Exception(repr(str(error.filename))))}; check the path" if named else ""
        return f"{where}: {error.strerror}{path}"
    said = ": ".join(part for part in (type(error).__name__, first_line(error)) if part)
    return f"{where} ({said}): check the model and the data; --debug shows where"


def first_line(error: BaseException, length: int = 200) -> str:
    """Return the first non-empty line of the message of `error`, truncated to `length` characters."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return line if len(line) <= length else line[: length - 3] + "..."


def _node_at_work(error: BaseException) -> str:
    """Return a description of the node that was being processed, the `node` or `item` of the innermost frame, or ''."""
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
