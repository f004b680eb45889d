"""Parameter types of options, for click."""

import json
from typing import Any

import click


class Numbers(click.ParamType):
    """Whole numbers from 1 on, or numbers, with commas between them; they arrive as a tuple."""

    def __init__(self, name: str, whole: bool = True) -> None:
        self.name = name
        self.whole = whole

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """Return the numbers in the text `value`."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple((int if self.whole else float)(part) for part in str(value).split(","))
        except ValueError:
            example = "1,2,4,8" if self.whole else "0.5,0.5,0.5"
            self.fail(f"{value!r} is no list of numbers with commas between them, such as {example}", param, ctx)
        if self.whole and min(numbers) < 1:
            self.fail(f"{value!r} holds a number below 1", param, ctx)
        return numbers


class Size(click.ParamType):
    """A size in pixels: 224, or 224x192 for height and width; it arrives as (height, width)."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return (height, width)."""
        if isinstance(value, tuple):
            return value
        parts = str(value).lower().split("x")
        if len(parts) > 2 or not all(part.isdigit() and int(part) for part in parts):
            self.fail(f"{value!r} is no size: give 224 or 224x192 (height x width)", param, ctx)
        return int(parts[0]), int(parts[-1])


class BatchAxis(click.ParamType):
    """Which axis counts the samples, NAME=AXIS or NAME=none; it arrives as a pair of the name and a number or None."""

    name = "name=axis"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int | None]:
        """Return (name, axis)."""
        if isinstance(value, tuple | list):
            return value[0], value[1]
        name, equals, axis = str(value).rpartition("=")
        if not equals or not name or not (axis == "none" or axis.isdigit()):
            self.fail(f"{value!r} is no batch axis: write NAME=AXIS, counted from 0, or NAME=none", param, ctx)
        return name, None if axis == "none" else int(axis)


class PortShape(click.ParamType):
    """The shape of an input, NAME=SIZE,SIZE,...; it arrives as a pair of the name and a tuple. 0: as it is."""

    name = "name=size,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, tuple[int, ...]]:
        """Return (name, sizes)."""
        if isinstance(value, tuple | list):
            return value[0], tuple(value[1])
        name, equals, sizes = str(value).rpartition("=")
        parts = sizes.split(",")
        if not equals or not name or not all(part.strip().isdigit() for part in parts):
            self.fail(f"{value!r} is no shape: write NAME=1,1,64,160, with 0 for an axis that stays free", param, ctx)
        return name, tuple(map(int, parts))


class Setting(click.ParamType):
    """A setting KEY=VALUE, the value a number, true, false, or text; it arrives as a pair."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        """Return (key, value)."""
        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition("=")
        if not equals or not key:
            self.fail(f"{value!r} is no setting: write KEY=VALUE", param, ctx)
        try:
            return key.strip(), json.loads(text)
        except json.JSONDecodeError:
            return key.strip(), text
