"""The rules that CONTRIBUTING states: short functions, small files, and a page on the layout that is true."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([*(ROOT / "onnx2snn").rglob("*.py"), *(ROOT / "runtime").rglob("*.py")])
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LINES_OF_A_FUNCTION = 40
LINES_OF_A_FILE = 220


def docstrings(tree: ast.AST) -> int:
    """Return the number of lines of the docstrings in `tree`."""
    documented = [node for node in ast.walk(tree) if isinstance(node, DOCUMENTED) and ast.get_docstring(node)]
    return sum((node.body[0].end_lineno or 0) - node.body[0].lineno + 1 for node in documented)


def long_functions(text: str) -> list[str]:
    """Return the functions of the Python source `text` that are too long, with their lines."""
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, FUNCTIONS)]
    lengths = [(node.name, (node.end_lineno or 0) - node.lineno + 1 - docstrings(node)) for node in functions]
    return [f"{name}: {length} lines" for name, length in lengths if length > LINES_OF_A_FUNCTION]


def file_length(text: str) -> int:
    """Return the number of lines of the Python source `text`, without docstrings."""
    return len(text.splitlines()) - docstrings(ast.parse(text))


@pytest.mark.parametrize("file", FILES, ids=[str(file.relative_to(ROOT)) for file in FILES])
def test_functions_and_files_are_short(file: Path) -> None:
    text = file.read_text()
    assert long_functions(text) == [], "split these functions: one idea each"
    assert file_length(text) <= LINES_OF_A_FILE, "split this file: one idea a file"


def test_what_is_too_long_is_found() -> None:
    body = "\n".join(["    x = 1"] * 40)
    doc = '    """One.\n\n    Two.\n    """\n'
    assert long_functions(f"def f():\n{body}\n") == ["f: 41 lines"]
    assert long_functions(f"def f():\n{doc}{body[10:]}\n") == []
    assert long_functions(f"class A:\n    def f(self):\n        def g():\n{body.replace('x', '        x')}\n") != []
    assert file_length(f'"""Doc."""\ndef f():\n{doc}    return 1\n') == 2


def inner_recursions(text: str) -> list[str]:
    """Return the functions within functions of `text` that name themselves."""
    outer = [node for node in ast.walk(ast.parse(text)) if isinstance(node, FUNCTIONS)]
    inner = [child for node in outer for child in ast.walk(node) if child is not node and isinstance(child, FUNCTIONS)]
    names = {child: {n.id for n in ast.walk(child) if isinstance(n, ast.Name)} for child in inner}
    return sorted({child.name for child in inner if child.name in names[child]})


@pytest.mark.parametrize("file", FILES, ids=[str(file.relative_to(ROOT)) for file in FILES])
def test_no_function_within_a_function_calls_itself(file: Path) -> None:
    assert inner_recursions(file.read_text()) == [], (
        "move it to the module: it holds itself in a cycle, and all that it closes over, until Python collects it"
    )


def test_a_function_within_a_function_that_calls_itself_is_found() -> None:
    inner = "def f(x):\n    def g(v):\n        return [g(w) for w in v]\n    return g(x)\n"
    assert inner_recursions(inner) == ["g"]
    assert inner_recursions(inner.replace("g(w)", "h(w)")) == []
    assert inner_recursions("def g(v):\n    return [g(w) for w in v]\n") == []


def test_the_limits_are_those_that_contributing_states() -> None:
    text = " ".join((ROOT / "CONTRIBUTING.md").read_text().split())
    found = re.search(r"at most (\d+) lines a function, .*? never more than (\d+)", text)
    assert found is not None
    assert tuple(map(int, found.groups())) == (LINES_OF_A_FUNCTION, LINES_OF_A_FILE)


def wings() -> list[str]:
    """Return the package folders of the converter and the runtime, as the page names them."""
    roots = {"onnx2snn": ROOT / "onnx2snn", "onnx2snn_runtime": ROOT / "runtime" / "onnx2snn_runtime"}
    found = [
        f"{name}/{file.parent.relative_to(root)}/"
        for name, root in roots.items()
        for file in sorted(root.rglob("__init__.py"))
        if file.parent != root
    ]
    assert len(found) > 20
    return found


@pytest.mark.parametrize("wing", wings())
def test_every_wing_is_on_the_page_of_the_architecture(wing: str) -> None:
    assert f"`{wing}`" in (ROOT / "docs" / "architecture.md").read_text(), "say there what this folder is for"


def test_the_page_names_no_folder_that_is_not_there() -> None:
    named = re.findall(r"`((?:onnx2snn|onnx2snn_runtime)/[a-z_/]*/)`", (ROOT / "docs" / "architecture.md").read_text())
    assert set(named) == set(wings())


@pytest.mark.parametrize(("column", "container"), [(0, "onnx2snn"), (1, "onnx2snn_runtime")])
def test_the_page_has_the_import_direction_of_import_linter(column: int, container: str) -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract.get("containers") == [container])
    page = (ROOT / "docs" / "architecture.md").read_text()
    rows = page.split("| converter | runtime |\n|---|---|\n")[1].splitlines()
    cells = [set(row.strip("|").split("|")[column].strip().split(", ")) - {""} for row in rows if row.startswith("|")]
    named = set().union(*cells)
    shown = [set(layer.split(" | ")) & named for layer in layers]
    assert [names for names in shown if names] == [names for names in cells if names]
    folders = {wing.split("/")[1] for wing in wings() if wing.startswith(f"{container}/")}
    assert folders <= named
