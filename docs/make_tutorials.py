"""Writes docs/tutorials, a page and a notebook for each example in cells: `python -m docs.make_tutorials [NAME ...]`.

An example is one if it begins with a cell of text (`# %% [markdown]`, the percent format of Jupytext). Its cells run in
order, in a folder of their own; what each prints stands below it, on the page and in the notebook.
"""

import contextlib
import io
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import jupytext
import nbformat

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "tutorials"
START = "# %% [markdown]\n"


def examples() -> list[Path]:
    """Return the examples that are tutorials."""
    return [path for path in sorted((ROOT / "examples").glob("*.py")) if path.read_text().startswith(START)]


def notebook(path: Path) -> Any:
    """Return the example at `path` as a notebook without outputs; the same text gives the same notebook."""
    found = jupytext.read(path, fmt="py:percent")
    for number, cell in enumerate(found.cells):
        cell.id = f"{path.stem}-{number}"
        cell.metadata.clear()
    found.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    found.nbformat_minor = 5
    return found


def run(book: Any, path: Path) -> None:
    """Run the cells of `book` in a new folder and keep what each prints as its output; an error ends it."""
    names: dict[str, Any] = {"__name__": "__main__"}
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.chdir(folder)
        try:
            for number, cell in enumerate(book.cells):
                if cell.cell_type == "code":
                    _run_cell(cell, names, f"{path.name}, cell {number}")
        finally:
            os.chdir(before)


def _run_cell(cell: Any, names: dict[str, Any], where: str) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(cell.source, where, "exec"), names)  # the traceback of an error names the cell
    text = printed.getvalue()
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)] if text else []


def page(book: Any, path: Path) -> str:
    """Return a notebook with outputs as Markdown."""
    parts = []
    for cell in book.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        parts += [f"```text\n{output.text.rstrip()}\n```" for output in cell.outputs]
    name = f"examples/{path.name}"
    parts.insert(1, f"*As a script: [{name}](../../{name}); as a notebook: [{path.stem}.ipynb]({path.stem}.ipynb).*")
    return "\n\n".join(parts) + "\n"


def main(chosen: list[str]) -> None:
    """Write the page and the notebook of the examples named, of all without a name."""
    for path in examples():
        if chosen and path.stem not in chosen:
            continue
        book = notebook(path)
        run(book, path)
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{path.stem}.md").write_text(page(book, path))
        nbformat.write(book, FOLDER / f"{path.stem}.ipynb")
        print(path.stem)


if __name__ == "__main__":
    main(sys.argv[1:])
