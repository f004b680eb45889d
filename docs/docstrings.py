"""An extension of Griffe for the API pages: formulas and tables that docstrings align by spaces stay as they are."""

import re
from typing import Any

import griffe

ALIGNED = re.compile(r"\S {3,}\S|^ {4}|^>>> ", re.MULTILINE)


def fenced(text: str) -> str:
    """Return a docstring whose paragraphs after the first are blocks where they align words by spaces or show code."""
    first, *rest = text.split("\n\n")
    parts = [f"```text\n{part}\n```" if ALIGNED.search(part) else part for part in rest]
    return "\n\n".join([first, *parts])


class AlignedDocstrings(griffe.Extension):
    """Turns the docstrings of whatever is loaded."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Turn the docstring of one module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)
