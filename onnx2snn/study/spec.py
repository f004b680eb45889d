"""What a study asks for: the file study.yaml, checked, with the line in every message."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from onnx2snn.data.images import Preprocessing
from onnx2snn.data.streams.labels import is_label_file
from onnx2snn.data.streams.patterns import expand, is_pattern
from onnx2snn.settings import ConversionSettings
from onnx2snn.settings.conversion import OWNERS
from onnx2snn.settings.unknown import unknown
from onnx2snn.study.contents import Spikes, Study, Subject
from onnx2snn.study.lined import Entries, Table, read_yaml
from onnx2snn.zoo import is_name
from onnx2snn_runtime.errors import InputError

KEYS = ("study", "output", "models", "data", "labels", "samples", "calibration", "calibration_samples", "payloads",
        "timesteps", "per_timestep", "seeds", "convert", "evaluate", "images")  # fmt: skip
MODEL_KEYS = ("name", "file", "data", "labels", "calibration", "convert")
RUN_KEYS = ("batch_size", "executor", "dtype", "output", "class_axis")
IMAGE_KEYS = tuple(f.name for f in fields(Preprocessing) if f.name != "dtype")

TUPLES = {"size": 2, "mean": 1, "std": 1}
"""Settings of images that are several numbers, and how many a single one stands for."""


def read_study(path: Path) -> Study:
    """Return the study in `path`; paths in it are relative to its folder. What does not fit raises InputError."""
    return _Reader(path).study()


class _Reader:
    """Reads one file; its messages name it and the line."""

    def __init__(self, path: Path) -> None:
        self.path, self.folder = path, path.parent
        self.table = read_yaml(path)

    def study(self) -> Study:
        """Return the study."""
        table = self.table
        self.known(table, KEYS)
        for name in ("models", "data", "payloads", "timesteps"):
            if name not in table and not (name == "data" and self.own_data()):
                raise InputError(f"{str(self.path)!r} says nothing of {name!r}: add it")
        settings = self.settings(table.get("convert", Table()), table, "convert")
        payloads = [self.payload(entry, line, settings) for entry, line in self.listed("payloads")]
        return Study(
            name=str(table.get("study", self.path.stem)),
            output=self.folder / str(table.get("output", self.path.stem)),
            subjects=self.distinct([self.subject(entry, line) for entry, line in self.listed("models")], "models"),
            payloads=self.distinct(payloads, "payloads"),
            timesteps=sorted(set(self.numbers("timesteps", 1))),
            seeds=list(dict.fromkeys(self.numbers("seeds", 0))) if "seeds" in table else [0],
            samples=self.number("samples"),
            calibration_samples=self.number("calibration_samples"),
            per_timestep=self.yes_or_no("per_timestep"),
            convert=settings,
            evaluate=self.part("evaluate", RUN_KEYS),
            images=self.images(),
        )

    def own_data(self) -> bool:
        """Return whether every model has data of its own."""
        models = self.table.get("models")
        return isinstance(models, list) and all(isinstance(entry, Table) and "data" in entry for entry in models)

    def subject(self, entry: Any, line: int) -> Subject:
        """Return a model: a path or a name alone, or a table."""
        table = entry if isinstance(entry, Table) else Table(file=entry)
        if isinstance(entry, Table):
            self.known(entry, MODEL_KEYS)
        file = table.get("file")
        if not isinstance(file, str):
            raise self.wrong(line, f"a model is {file!r}", "give a path or a name, or a table with 'file'")
        named = is_name(file)
        if not named and not (self.folder / file).is_file():
            raise self.wrong(line, f"there is no model {file!r}", "paths are relative to the study's folder")
        settings = self.settings(table.get("convert", Table()), table, "convert") if isinstance(entry, Table) else {}
        return Subject(
            name=str(table.get("name", Path(file).name.removesuffix(".onnx"))),
            file=file if named else str(self.folder / file),
            data=self.data("data", table) or "",
            labels=self.labels(table),
            calibration=self.data("calibration", table),
            convert=settings,
        )

    def payload(self, entry: Any, line: int, common: Mapping[str, Any]) -> Spikes:
        """Return a payload: its name alone, or a table of settings; what a conversion refuses raises InputError."""
        table = entry if isinstance(entry, Table) else Table(payload=entry)
        own = {key: value for key, value in table.items() if key != "name"}
        try:
            ConversionSettings().updated(**{**common, **own})
        except InputError as error:
            raise InputError(f"line {line} of {str(self.path)!r}: {error}") from error
        rest = [f"{key}={value}" for key, value in own.items() if key != "payload"]
        usual = " ".join([str(own.get("payload", "graded")), *rest])
        return Spikes(str(table.get("name", usual)), own)

    def settings(self, table: Any, owner: Table, key: str) -> dict[str, Any]:
        """Return settings of conversions, checked one by one."""
        if not isinstance(table, Table):
            raise self.wrong(owner.lines[key], f"{key!r} is {table!r}", "write a table of settings")
        self.known(table, OWNERS)
        for name, value in table.items():
            try:
                ConversionSettings().updated(**{name: value})
            except InputError as error:
                raise InputError(f"line {table.lines[name]} of {str(self.path)!r}: {error}") from error
        return dict(table)

    def part(self, key: str, names: Sequence[str]) -> dict[str, Any]:
        """Return the table under `key`, which knows `names`."""
        table = self.table.get(key, {})
        if key in self.table and not isinstance(table, Table):
            raise self.wrong(self.table.lines[key], f"{key!r} is {table!r}", f"write a table of {', '.join(names)}")
        if isinstance(table, Table):
            self.known(table, names)
        return dict(table)

    def listed(self, key: str) -> Iterable[tuple[Any, int]]:
        """Return the entries of a list, and their lines; none raise InputError."""
        entries, line = self.table[key], self.table.lines[key]
        if not isinstance(entries, Entries):
            return [(entries, line)]
        if not entries:
            raise self.wrong(line, f"{key!r} is empty", "give one or more")
        return zip(entries, entries.lines, strict=True)

    def numbers(self, key: str, least: int) -> list[int]:
        """Return whole numbers."""
        found = []
        for entry, line in self.listed(key):
            if not isinstance(entry, int) or isinstance(entry, bool) or entry < least:
                raise self.wrong(line, f"{key!r} holds {entry!r}", f"give whole numbers from {least} on")
            found.append(entry)
        return found

    def number(self, key: str) -> int | None:
        """Return a whole number, or None."""
        return self.numbers(key, 1)[0] if key in self.table else None

    def yes_or_no(self, key: str) -> bool:
        """Return whether `key` is true."""
        value = self.table.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(self.table.lines[key], f"{key!r} is {value!r}", "write true or false")
        return value

    def images(self) -> dict[str, Any]:
        """Return how images are prepared; what no image can be raises InputError."""
        found = self.part("images", IMAGE_KEYS)
        for name, value in found.items():
            number = isinstance(value, int | float) and name in TUPLES
            found[name] = tuple(value) if isinstance(value, list) else (value,) * TUPLES[name] if number else value
        try:
            Preprocessing(**found)
        except (InputError, TypeError) as error:
            raise InputError(f"line {self.table.lines['images']} of {str(self.path)!r}: {error}") from error
        return found

    def data(self, key: str, table: Table) -> str | None:
        """Return the path under `key` of a model or of the study, relative to its folder; no data raise InputError."""
        owner = table if key in table else self.table
        if owner.get(key) is None:
            return None
        path = self.folder / str(owner[key])
        if not path.exists() and not (is_pattern(path) and self.expanded(path, owner.lines[key])):
            raise self.wrong(
                owner.lines[key],
                f"there is no file or folder {owner[key]!r}",
                "paths are relative to the study's folder",
            )
        return str(path)

    def expanded(self, path: Path, line: int) -> list[Path]:
        """Return the files of a pattern."""
        try:
            return expand(path)
        except InputError as error:
            raise InputError(f"line {line} of {str(self.path)!r}: {error}") from error

    def labels(self, table: Table) -> str | None:
        """Return a column, or a file relative to the folder of the study."""
        name = table.get("labels", self.table.get("labels"))
        if name is None or not is_label_file(str(self.folder / str(name))):
            return None if name is None else str(name)
        return self.data("labels", table)

    def distinct(self, found: list[Any], key: str) -> list[Any]:
        """Return `found`; two of the same name raise InputError."""
        names = [each.name for each in found]
        again = next((name for name in names if names.count(name) > 1), None)
        if again is not None:
            raise self.wrong(self.table.lines[key], f"{key!r} holds {again!r} twice", "give one a 'name' of its own")
        return found

    def known(self, table: Table, names: Iterable[str]) -> None:
        """Raise InputError for a key that is none of `names`."""
        for key in table:
            if key not in names:
                raise InputError(unknown(f"line {table.lines[key]} of {str(self.path)!r} has no key", key, names))

    def wrong(self, line: int, what: str, advice: str) -> InputError:
        """Return the error for a line."""
        return InputError(f"line {line} of {str(self.path)!r}: {what}: {advice}")
