"""Pages and notebooks of tutorials are those of the examples that they were made from."""

import re
from pathlib import Path

import pytest

jupytext = pytest.importorskip("jupytext")
nbformat = pytest.importorskip("nbformat")

from docs.make_tutorials import FOLDER, examples, notebook  # noqa: E402


@pytest.mark.parametrize("path", examples(), ids=lambda path: path.stem)
def test_page_and_notebook_are_those_of_the_example(path: Path) -> None:
    wanted = [(cell.cell_type, cell.source) for cell in notebook(path).cells]
    kept = nbformat.read(FOLDER / f"{path.stem}.ipynb", as_version=4)
    nbformat.validate(kept)
    assert [(cell.cell_type, cell.source) for cell in kept.cells] == wanted, (
        f"python -m docs.make_tutorials {path.stem}"
    )
    page = (FOLDER / f"{path.stem}.md").read_text()
    code = re.findall(r"^```python\n(.*?)\n```$", page, re.DOTALL | re.MULTILINE)
    assert code == [source for kind, source in wanted if kind == "code"], f"python -m docs.make_tutorials {path.stem}"
    assert all(source in page for _, source in wanted)


def test_there_are_tutorials() -> None:
    assert len(examples()) >= 10
