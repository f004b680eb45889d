"""The operator table: read from the source it is what the handlers register, and no other list of operators exists."""

import ast
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest

from onnx2snn_runtime.errors import RegistryError
from onnx2snn_runtime.ir import operators
from onnx2snn_runtime.ir.operators import Facts, declare, facts, is_supported, operators_with, table
from onnx2snn_runtime.ops import handlers_since, known_operators

ROOT = Path(__file__).parents[3]
NAMES = {schema.name for schema in onnx.defs.get_all_schemas_with_history()}
MOST_NAMES = 3
"""A collection of so many operator names is a list of operators with something in common: a fact."""


@pytest.fixture
def fresh() -> Iterator[None]:
    table.cache_clear()
    yield
    table.cache_clear()


def test_the_table_read_from_the_source_is_what_the_handlers_register() -> None:
    registered = {(domain, name): handlers_since(name, domain)[0] for domain, name in known_operators()}
    declared = {key: held.since for key, held in table().items()}
    declared = {key: since for key, since in declared.items() if key[0] in ("", "ai.onnx.ml", "com.microsoft")}
    assert declared == {key: since for key, since in registered.items() if key in declared}
    assert declared.keys() >= {key for key in registered if key[0] in ("", "ai.onnx.ml", "com.microsoft")}


def test_support_by_opset() -> None:
    assert is_supported("", "Conv", 7)
    assert is_supported("ai.onnx", "Conv", 7)
    assert not is_supported("", "DFT", 16)
    assert is_supported("", "DFT", 17)
    assert not is_supported("", "NoSuchOperator", 20)
    assert not is_supported("com.microsoft", "Conv", 20)


def test_facts_of_operators() -> None:
    assert facts("Conv").weighted
    assert facts("Softmax").readout
    assert facts("Softmax").along_axis
    assert facts("Relu").pointwise
    assert not facts("QuantizeLinear").pointwise  # one scale for each place along an axis
    assert facts("NoSuchOperator") == Facts()
    assert facts("Gelu", "com.microsoft").elementwise
    assert "Mul" in operators_with("elementwise")
    assert "BiasGelu" in operators_with("elementwise", "com.microsoft")


@pytest.mark.usefixtures("fresh")
def test_an_operator_of_ones_own() -> None:
    declare("Twice Thrice", domain="my.domain", affine="t", elementwise=True)
    assert facts("Thrice", "my.domain").affine == "t"
    assert not facts("Thrice").affine
    with pytest.raises(RegistryError, match="the operator 'Twice' is declared twice: rename one of the two"):
        declare("Twice", domain="my.domain", affine="t")
    with pytest.raises(RegistryError, match=r"'Other' in declare\(\) has no fact 'afine': see ir.operators.Facts"):
        declare("Other", afine="t")


@pytest.mark.usefixtures("fresh")
def test_a_name_in_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.py").write_text('OPERATORS: Declared = {"Mine": {}}\n')
    package = tmp_path / "__init__.py"
    package.touch()
    monkeypatch.syspath_prepend(tmp_path.parent)
    monkeypatch.setattr(operators, "PACKAGE", tmp_path.name)
    with pytest.raises(RegistryError, match=r"the operator 'Mine' is declared twice, again in b.py: remove one"):
        table()


def listed(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the operator names of every literal collection, or string of names, of a module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Set | ast.List | ast.Tuple):
            words = [item.value for item in node.elts if isinstance(item, ast.Constant) and isinstance(item.value, str)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not node.value.endswith("."):
            words = node.value.split()
            words = words if all(word.isidentifier() for word in words) else []
        else:
            continue
        names = [word for word in words if word in NAMES]
        if len(names) >= MOST_NAMES:
            yield node.lineno, names


OWN_CODE = {
    "onnx2snn/evaluation/integers.py": "functions that integers compute as they are",
    "onnx2snn/passes/check_model.py": "tree ensembles, in a message of their own",
    "onnx2snn/passes/folding/fold_batch_normalization.py": "layers whose weights it rewrites, each in its layout",
    "onnx2snn/passes/recurrence/unroll_cells.py": "activations of recurrent cells, with ONNX's defaults",
    "onnx2snn/passes/recurrence/unroll_layers.py": "recurrent layers, each unrolled in its way",
    "onnx2snn/passes/recurrence/unroll_loops.py": "loops and branches, each unrolled in its way",
    "onnx2snn/passes/repairs/expand_fused.py": "activations of fused nodes that become a node of that name",
    "onnx2snn/passes/repairs/expand_quantised.py": "quantised operators that have a plain one of that name",
    "runtime/onnx2snn_runtime/execution/functions.py": "functions of neurons, in instructions of their own",
}
"""Modules that name operators because they have code for just these."""


def test_no_operator_list_outside_the_table() -> None:
    found = {}
    for folder in ("onnx2snn", "runtime/onnx2snn_runtime"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            where = path.relative_to(ROOT).as_posix()
            if "/ops/" not in where and where not in OWN_CODE:
                found.update({f"{where}:{line}": names for line, names in listed(path)})
    assert found == {}, "say it as a fact: onnx2snn_runtime.ir.operators"
