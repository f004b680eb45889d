"""Liveness of values: those that are read after an item of a program, and those that can be released."""

from collections.abc import Iterable, Sequence

from onnx2snn_runtime.program.interpreter import Call
from onnx2snn_runtime.program.population import Population


def read_later(tail: Sequence[Call], readout: Sequence[Call], outputs: frozenset[str]) -> frozenset[str]:
    """Return the values that are read after the loop: by the tail, by readouts, or as outputs."""
    return outputs | frozenset(name for item in (*tail, *readout) for name in item.inputs)


def releases(
    loop: Sequence[Call | Population], later: frozenset[str], varying: frozenset[str]
) -> list[tuple[str, ...]]:
    """Return, for each item of the loop, the time-varying values that can be released after it.

    Values in `later` are read after the loop and are not released.
    """
    needed, released = set(later), list[tuple[str, ...]]()
    for item in reversed(loop):
        used = (*item.sources, *item.constants) if isinstance(item, Population) else item.inputs
        names = {name for name in used if name in varying and name not in needed}
        needed |= names
        released.append(tuple(sorted(names)))
    return released[::-1]


def read_by_narrow_synapses(
    loop: Sequence[Call | Population], tail: Sequence[Call], others: frozenset[str]
) -> frozenset[str]:
    """Return the populations, by output, whose estimates are read only by synapses that run in the program's dtype.

    Values in `others` are read by readouts or are outputs.
    """
    populations = [item for item in loop if isinstance(item, Population)]
    read = others | {name for item in populations for name in item.sources}
    read |= {name for item in (*loop, *tail) if isinstance(item, Call) and item.wide for name in item.inputs}
    return frozenset(item.output for item in populations if item.output not in read)


def read_as_numbers(items: Iterable[Call | Population]) -> set[str]:
    """Return the values that handlers of `items` take as Python numbers, such as the scales of Resize."""
    read: set[str] = set()
    for item in items:
        if isinstance(item, Population):
            inner = read_as_numbers(item.body)
            outer = zip(item.formal, (*item.sources, *item.constants), strict=True)
            read.update(name for formal, name in outer if formal in inner)
        else:
            wanted = item.operator.ints | item.operator.scalars
            read.update(name for i, name in enumerate(item.inputs) if i in wanted)
    return read
