"""A runner of commands, and stand-ins for the converter."""

import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
import pytest
from click.testing import CliRunner, Result

from onnx2snn.cli import main
from onnx2snn_runtime.model import SpikingModel
from tests.onnx2snn.conftest import spiking

Invoke = Callable[..., Result]
Refused = Callable[..., str]


@pytest.fixture
def invoke() -> Invoke:
    """Return a function that runs a command line and gives its result."""
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def refused(invoke: Invoke) -> Refused:
    """Return a function that runs a command line that must fail, and gives its one sentence."""

    def run(*words: object) -> str:
        result = invoke(*words)
        assert result.exit_code == 1, result.output
        assert isinstance(result.exception, SystemExit)
        assert result.stdout == ""
        lines = result.stderr.splitlines()
        assert len(lines) == 1, result.stderr
        assert lines[0].startswith("Error: ")
        return lines[0]

    return run


@dataclass
class Report:
    """What `onnx2snn.conversion.ConversionReport` holds."""

    source: str = "net.onnx"
    populations: int = 1
    neurons_by_kind: dict[str, int] = field(default_factory=lambda: {"SpikingRelu": 1})
    calibration_samples: int = 40
    synthetic: bool = False
    held_back: bool = True
    notes: list[str] = field(default_factory=lambda: ["levels 16 -> 9 in 1 of 1 populations"])
    raised: dict[str, int] = field(default_factory=lambda: {"neuron_h": 9})
    mantissa_raised: dict[str, int] = field(default_factory=dict)
    relative_error: float | None = 0.004
    agreement: float | None = 0.975
    reached: bool = True
    warnings: list[str] = field(default_factory=list)
    passes: list[tuple[str, int, float]] = field(default_factory=lambda: [("write_neurons", 1, 0.1), ("fold", 0, 0.1)])
    seconds: float = 1.25
    energy: dict[str, Any] | None = None
    costliest: list[tuple[str, float]] = field(default_factory=list)
    erring: list[tuple[str, float]] = field(default_factory=list)


@dataclass
class Converter:
    """A stand-in for the converter, that remembers its calls and gives `report`."""

    report: Report = field(default_factory=Report)
    calls: list[dict[str, Any]] = field(default_factory=list)

    def convert(self, model: Path | onnx.ModelProto, **options: Any) -> SpikingModel:
        """Make ReLUs spiking."""
        self.calls.append({"model": model, **options})
        options["progress"]("convert", 0.5)
        snn = SpikingModel(spiking(onnx.load(model) if isinstance(model, Path) else model))
        snn.conversion = self.report  # type: ignore[assignment]
        return snn


@pytest.fixture
def converter(monkeypatch: pytest.MonkeyPatch) -> Converter:
    """Replace the converter."""
    made = Converter()
    module = types.ModuleType("onnx2snn.conversion")
    module.convert = made.convert  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "onnx2snn.conversion", module)
    return made
