"""What the tests of the reference networks share."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def trained() -> Path:
    """The folder of the committed ONNX files."""
    return ROOT / "models" / "trained"


@pytest.fixture
def demo_data() -> Path:
    """The folder of the demo's files."""
    return ROOT / "onnx2snn" / "demo_data"
