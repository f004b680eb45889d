"""The pipeline: it times, counts, tells, and names the pass that failed."""

import pytest

from onnx2snn.passes.base import Work, run_passes
from onnx2snn_runtime.errors import InputError, ModelError
from tests.onnx2snn.passes.rewriting import model, work_on


def work() -> Work:
    return work_on(model("net (float[N] x) => (float[N] y) { y = Relu(x) }"))


def first_pass(work: Work) -> int:
    work.warnings.append("seen")
    return 3


def failing_pass(work: Work) -> int:
    raise KeyError("tensor")


def refusing_pass(work: Work) -> int:
    raise InputError("no")


def test_records_and_progress() -> None:
    told: list[tuple[str, float]] = []
    task = work()
    records = run_passes([first_pass, first_pass], task, lambda name, fraction: told.append((name, fraction)))
    assert [(record.name, record.sites) for record in records] == [("first_pass", 3)] * 2
    assert all(record.seconds >= 0 for record in records)
    assert told == [("first pass", 0.0), ("first pass", 0.5)]
    assert task.warnings == ["seen", "seen"]
    assert task.opset == 17


def test_a_fault_names_the_pass_and_the_model() -> None:
    with pytest.raises(ModelError, match=r"the pass failing_pass on net\.onnx failed \(KeyError: 'tensor'\)") as caught:
        run_passes([first_pass, failing_pass], work())
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_refusal_goes_through() -> None:
    with pytest.raises(InputError, match="no"):
        run_passes([refusing_pass], work())
