"""ONNX's own backend suite as plain cases: a name, a kind, a model, and pairs of inputs and outputs."""

import functools
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, numpy_helper
from onnx.backend.test.loader import load_model_tests

from tests.runtime.ops.backend import Backend

KINDS = ("node", "simple", "pytorch-converted", "pytorch-operator", "real")
RTOL, ATOL = 1e-3, 1e-5
_UNIT = {"float16": 2**-10, "bfloat16": 2**-7}  # of these types two units in the last place are allowed
_DATA = Path(onnx.__file__).parent.parent


@dataclass(frozen=True)
class Case:
    """One case of the suite; its model and its data are loaded when they are asked for."""

    kind: str
    name: str
    source: Any

    def model(self) -> ModelProto:
        """Return the model of the case."""
        if self.source.model is not None:
            return self.source.model
        return onnx.load(self._path())

    def _path(self) -> Path:
        return _DATA / self.source.url if self.source.url else Path(self.source.model_dir) / "model.onnx"

    def data(self) -> Iterator[tuple[list[Any], list[Any]]]:
        """Yield the inputs and the expected outputs of each data set."""
        if self.source.data_sets is not None:
            for inputs, outputs in self.source.data_sets:
                yield [_array(x) for x in inputs], [_array(x) for x in outputs]
        elif self.source.url:
            yield self._ramp(), [_read(self._path().with_name(f"{self._path().stem}_output_0.pb"))]
        else:
            for folder in sorted(Path(self.source.model_dir).glob("test_data_set*")):
                yield _all(folder, "input"), _all(folder, "output")

    def _ramp(self) -> list[Any]:
        """The inputs that the outputs in the wheel belong to: a ramp from 0 to 1."""
        graph = self.model().graph
        known = {t.name for t in graph.initializer}
        values = []
        for value in graph.input:
            if value.name not in known:
                shape = [d.dim_value if d.HasField("dim_value") else 1 for d in value.type.tensor_type.shape.dim]
                count = int(np.prod(shape))
                values.append((np.arange(count).reshape(shape) / count).astype(np.float32))
        return values


def _array(value: Any) -> Any:
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def _read(path: Path) -> np.ndarray:
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return numpy_helper.to_array(tensor)


def _all(folder: Path, prefix: str) -> list[np.ndarray]:
    return [_read(folder / f"{prefix}_{i}.pb") for i in range(len(list(folder.glob(f"{prefix}_*.pb"))))]


@functools.cache
def cases(kind: str) -> list[Case]:
    """Return the cases of a kind, sorted by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the suite warns about its own data
        loaded = load_model_tests(kind=kind)
    return [Case(kind, case.name, case) for case in sorted(loaded, key=lambda c: c.name)]


def check(case: Case) -> None:
    """Run a case with the handlers and compare; AssertionError or another exception says that it failed."""
    backend = Backend(case.model())
    for inputs, expected in case.data():
        compare(expected, backend.run(inputs))


def compare(expected: list[Any], actual: list[Any]) -> None:
    """Raise AssertionError where values differ by more than the tolerances, or in shape or element type."""
    assert len(actual) >= len(expected), f"{len(expected)} outputs expected, {len(actual)} computed"
    for want, have in zip(expected, actual, strict=False):
        if isinstance(want, list):
            compare(want, have)
            continue
        want = np.asarray(want)
        assert have.dtype == want.dtype, f"element type {have.dtype}, expected {want.dtype}"
        assert have.shape == want.shape, f"shape {have.shape}, expected {want.shape}"
        rtol = max(RTOL, 2 * _UNIT.get(want.dtype.name, 0))
        if want.dtype.name == "bfloat16":  # numpy does not promote it
            want, have = want.astype(np.float32), have.astype(np.float32)
        np.testing.assert_allclose(have, want, rtol=rtol, atol=ATOL)
