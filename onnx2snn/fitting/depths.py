"""Which populations lie before one, and how many."""

from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program


def sources(program: Program) -> dict[str, frozenset[str]]:
    """Return the names of the populations that each population follows with none between, by its name."""
    behind: dict[str, frozenset[str]] = {}
    found: dict[str, frozenset[str]] = {}
    for item in program.loop:
        read = (*item.sources, *item.constants) if isinstance(item, Population) else item.inputs
        before = frozenset[str]().union(*(behind.get(name, frozenset()) for name in read))
        if isinstance(item, Population):
            found[item.name] = before
            behind[item.output] = frozenset((item.name,))
        else:
            behind.update(dict.fromkeys(item.outputs, before))
    return found


def depths(program: Program) -> dict[str, int]:
    """Return the most populations in a row that lead to each population, by its name; those behind none have 0."""
    found: dict[str, int] = {}
    for name, before in sources(program).items():
        found[name] = max((found[other] + 1 for other in before), default=0)
    return found
