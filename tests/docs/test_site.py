"""The site builds without a warning, every page is in its navigation, and messages that a page explains exist."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAVIGATION = (ROOT / "mkdocs.yml").read_text()


def test_the_site_builds_strictly(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    paths = os.pathsep.join([str(ROOT), str(ROOT / "runtime")])
    words = ["-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    environment = os.environ | {"PYTHONPATH": paths + os.pathsep + os.environ.get("PYTHONPATH", ""), "NO_COLOR": "1"}
    done = subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    front = (tmp_path / "site" / "index.html").read_text()
    assert "onnx2snn" in front
    assert "--calibration" in (tmp_path / "site" / "reference" / "cli" / "index.html").read_text()
    assert "early_exit" in (tmp_path / "site" / "reference" / "api" / "index.html").read_text()
    assert "sigma-delta" in (tmp_path / "site" / "search" / "search_index.json").read_text()
    loaded = re.findall(r'(?:src|href)="(https?:[^"]+)"', front)
    assert [address for address in loaded if re.search(r"\.(js|css|woff2?)$", address)] == []


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: str(page.relative_to(ROOT / "docs"))
)
def test_every_page_is_in_the_navigation(page: Path) -> None:
    assert f": {page.relative_to(ROOT / 'docs').as_posix()}\n" in NAVIGATION


def messages() -> list[str]:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    return re.findall(r"^\*\*(.+)\*\*$", page, re.MULTILINE)


def test_the_page_explains_messages() -> None:
    assert len(messages()) >= 20


@pytest.mark.parametrize("message", messages())
def test_the_messages_that_the_page_explains_exist(message: str) -> None:
    sources = [path.read_text() for folder in ("onnx2snn", "runtime") for path in (ROOT / folder).rglob("*.py")]
    text = re.sub(r'"\s*\n\s*f?"', "", "\n".join(sources))
    pattern = re.escape(message).replace("'X'", "X")
    pattern = re.sub(r"\bX\b", lambda _: r"['\"]?\{.+?\}['\"]?", pattern)
    assert re.search(pattern, text), "no source has this message"
