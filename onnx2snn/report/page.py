"""Puts the facts of a report, its style and its scripts into one page."""

import json
import math
import re
from importlib import resources
from typing import Any

import numpy as np

from onnx2snn_runtime.errors import InputError

DIGITS = 6
_SLOT = re.compile("@(title|css|facts|plotly|js)@")


def page(facts: dict[str, Any]) -> str:
    """Return the HTML of `facts`; raise InputError where plotly is not installed.

    The facts stand in a script of data, in which "<" is written out: no name can end it, or begin another.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ModuleNotFoundError as error:
        raise InputError("a report needs plotly: pip install 'onnx2snn[report]'") from error
    parts = {
        "title": _text(f"{facts['title']}: onnx2snn report"),
        "css": _resource("page.css"),
        "facts": _data(facts),
        "plotly": get_plotlyjs().replace("</script", "<\\/script"),
        "js": _resource("graph.js") + _resource("page.js"),
    }
    return _SLOT.sub(lambda found: parts[found[1]], _resource("page.html"))


def plain(value: Any) -> Any:
    """Return `value` as JSON can say it, numbers with six digits; what is not finite is null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value


def _data(facts: dict[str, Any]) -> str:
    text = json.dumps(plain(facts), ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _text(value: str) -> str:
    text = value.encode("utf-8", "backslashreplace").decode()
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _resource(name: str) -> str:
    return (resources.files("onnx2snn.report") / name).read_text(encoding="utf-8")
