"""The options of commands that read samples batch by batch: how they are read, and what an interrupted run keeps."""

from pathlib import Path

import click

from onnx2snn.cli.sections import option, section

choices = section(
    "Streaming",
    option("--readers", type=click.IntRange(0), help="Threads that decode the next batches; by default up to 4."),
    option(
        "--resume",
        type=click.Path(path_type=Path),
        help="A file that keeps what is done, every few seconds; the same command goes on from it.",
    ),
)
