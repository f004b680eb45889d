"""--config: the settings of a conversion from a file; the command line overrides them."""

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from onnx2snn.cli.sections import option
from onnx2snn.settings import SpikeSettings
from onnx2snn.settings.file import read_settings


def _read(ctx: click.Context, param: click.Parameter, value: Path | None) -> None:
    """Make the settings of the file the defaults of the options, which bear their names."""
    if value is None:
        return
    found = {name: list(v.items()) if isinstance(v, dict) else v for name, v in read_settings(value).items()}
    ctx.default_map = {**(ctx.default_map or {}), **found}


config = option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    is_eager=True,
    expose_value=False,
    callback=_read,
    help="Settings: TOML with the tables [spikes], [network], [ranges], [adaptation], or a spiking IR file, of whose "
    "conversion they are. Options given here override them.",
)


def drop_foreign_options(ctx: click.Context, given: dict[str, Any]) -> None:
    """Take settings of the file's dynamics or schedule out of `given` where the command line names another one."""
    for name in ("dynamics", "schedule"):
        inherited = ctx.get_parameter_source(f"{name}_options") is ParameterSource.DEFAULT_MAP
        of_the_file = (ctx.default_map or {}).get(name, getattr(SpikeSettings().resolved(), name))
        if inherited and given[name] not in (None, of_the_file):
            given[f"{name}_options"] = ()
