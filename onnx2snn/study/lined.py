"""YAML whose tables and lists know the lines of their keys and entries, for messages."""

from pathlib import Path
from typing import Any

from onnx2snn_runtime.errors import InputError


class Table(dict[str, Any]):
    """A table of YAML; `lines` are those of its keys, `line` is its own."""

    lines: dict[str, int]
    line: int


class Entries(list[Any]):
    """A list of YAML; `lines` are those of its entries."""

    lines: list[int]


def read_yaml(path: Path) -> Table:
    """Return the table in the YAML file `path`; what is none, or says a key twice, raises InputError with the line."""
    where = repr(str(path))
    try:
        import yaml
    except ImportError as error:
        raise InputError("a study is read by PyYAML, which is absent: pip install 'onnx2snn[study]'") from error
    try:
        with path.open(encoding="utf-8") as file:
            found = yaml.load(file, _loader(yaml, where))  # the loader is a SafeLoader
    except FileNotFoundError as error:
        raise InputError(f"there is no file {where}: check the path of the study") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{where} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1} of " if mark else ""
        raise InputError(f"{line}{where} is no YAML ({getattr(error, 'problem', None) or error}): mend it") from error
    if not isinstance(found, Table):
        raise InputError(f"{where} holds no table: write keys such as models, data and payloads")
    return found


def _loader(yaml: Any, where: str) -> Any:
    class Loader(yaml.SafeLoader):
        """A SafeLoader that keeps lines."""

    def table(loader: Any, node: Any) -> Table:
        made = Table()
        made.lines, made.line = {}, node.start_mark.line + 1
        loader.flatten_mapping(node)
        for key, value in node.value:
            name, line = str(loader.construct_object(key, deep=True)), key.start_mark.line + 1
            if name in made.lines:
                raise InputError(f"line {line} of {where} says {name!r} again, after line {made.lines[name]}: once")
            made[name], made.lines[name] = loader.construct_object(value, deep=True), line
        return made

    def entries(loader: Any, node: Any) -> Entries:
        made = Entries(loader.construct_object(child, deep=True) for child in node.value)
        made.lines = [child.start_mark.line + 1 for child in node.value]
        return made

    Loader.add_constructor("tag:yaml.org,2002:map", table)
    Loader.add_constructor("tag:yaml.org,2002:seq", entries)
    return Loader
