"""Titled sections of options in --help: `section` puts options into one, `Command` prints them by section."""

from collections.abc import Callable
from functools import partial
from typing import Any

import click

Function = Callable[..., Any]
OTHER = "Other"


class Option(click.Option):
    """An option that knows the title of its section."""

    section = OTHER


option = partial(click.option, cls=Option)


class Command(click.Command):
    """A command whose --help shows its options by section, in the order of declaration, `OTHER` last."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of every section under its title."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if row is not None:
                sections.setdefault(getattr(parameter, "section", OTHER), []).append(row)
        rest = sections.pop(OTHER, [])
        for title, rows in {**sections, OTHER: rest}.items():
            with formatter.section(title):
                formatter.write_dl(rows)


def chain(*options: Function) -> Function:
    """Return one decorator that adds `options` in the order given."""

    def decorate(function: Function) -> Function:
        for add in reversed(options):
            function = add(function)
        return function

    return decorate


def section(title: str, *options: Function) -> Function:
    """Return one decorator that adds `options` in the order given, in the section `title`."""

    def decorate(function: Function) -> Function:
        before = list(getattr(function, "__click_params__", ()))
        function = chain(*options)(function)
        for parameter in getattr(function, "__click_params__", ()):
            if parameter not in before and isinstance(parameter, Option):
                parameter.section = title
        return function

    return decorate
