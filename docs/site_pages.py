"""A hook of MkDocs: pages that lie outside docs/, such as the README, and the page of all commands, made from the code.

Where code is read a link leads out of docs/ (`../README.md`). Here the file it names is brought in under `project/`,
links in it are turned, and a link to a file that is no page leads to the repository where its address is known
(`repo_url`), else it becomes plain text.
"""

import posixpath
import re
from pathlib import Path

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from onnx2snn.cli import main

ROOT = Path(__file__).parents[1]
PROJECT = {
    "README.md": "project/readme.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "SECURITY.md": "project/security.md",
    "models/README.md": "project/reference-networks.md",
    "models/real/README.md": "project/large-networks.md",
    "examples/README.md": "project/examples.md",
}
"""Files of the repository -> pages of the site."""

LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"^(```.*?^```|    .*?$)", re.DOTALL | re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Bring in the files that lie outside docs/, and say where they are in the navigation."""
    for source, place in PROJECT.items():
        files.append(File.generated(config, place, content=(ROOT / source).read_text()))
    files.append(File.generated(config, "reference/cli.md", content=commands()))
    about = next(part["About"] for part in config.nav or [] if "About" in part)
    known = {page for entry in about for page in entry.values()}
    about += [{_title(source): place} for source, place in PROJECT.items() if place not in known]
    return files


def commands() -> str:
    """Return the page of all commands: what `--help` prints of each."""
    parts = ["# Commands", "What `onnx2snn COMMAND --help` prints."]
    top = click.Context(main, info_name="onnx2snn", terminal_width=88)
    for name in ["", *main.list_commands(top)]:
        command = main.get_command(top, name) if name else main
        context = click.Context(command, info_name=name, parent=top, terminal_width=88) if name else top
        parts += [f"## {context.command_path}", f"```text\n{command.get_help(context)}\n```"]
    return "\n\n".join(parts) + "\n"


def _title(source: str) -> str:
    heading = re.search(r"^# (.+)$", (ROOT / source).read_text(), re.MULTILINE)
    return "README" if source == "README.md" else heading[1] if heading else source


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links of a page to where they lead on the site."""
    here = next((source for source, place in PROJECT.items() if place == page.file.src_uri), None)
    source = here or f"docs/{page.file.src_uri}"

    def turned(match: re.Match[str]) -> str:
        image, text, target, anchor = match.groups()
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        inside = PROJECT.get(target) or (target.removeprefix("docs/") if target.startswith("docs/") else None)
        if inside is None or files.get_file_from_path(inside) is None:
            address = f"{config.repo_url.rstrip('/')}/blob/main/{target}" if config.repo_url else None
            return f"[{text}]({address})" if address else f"{text} (`{target}`)" if target not in text else text
        return f"{image}[{text}]({_relative(inside, page.file.src_uri)}{anchor or ''})"

    parts = FENCE.split(markdown)
    return "".join(part if FENCE.fullmatch(part) else LINK.sub(turned, part) for part in parts)


def _relative(target: str, page: str) -> str:
    return posixpath.relpath(target, posixpath.dirname(page) or ".")
