"""How many populations lie before one."""

from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program


def depths(program: Program) -> dict[str, int]:
    """Return the most populations in a row that lead to each population, by its name; those behind none have 0."""
    behind: dict[str, int] = {}
    found = {}
    for item in program.loop:
        if isinstance(item, Population):
            read = (*item.sources, *item.constants)
            found[item.name] = max((behind.get(name, 0) for name in read), default=0)
            behind[item.output] = found[item.name] + 1
        else:
            behind.update(dict.fromkeys(item.outputs, max((behind.get(name, 0) for name in item.inputs), default=0)))
    return found
