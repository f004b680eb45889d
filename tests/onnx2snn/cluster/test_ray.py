"""Evaluations and studies on a local Ray cluster: the figures of one process, whatever dies on the way."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from onnx2snn.cli import main
from onnx2snn.cluster.connecting import Cluster
from onnx2snn.data.readers import Samples, open_samples
from onnx2snn.data.streams.base import InMemory, Stream
from onnx2snn.evaluation.evaluation import Streaming, evaluate
from onnx2snn.study.conducting import Conductor, here
from onnx2snn.study.spec import read_study
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.ir.batch import BatchAxes
from onnx2snn_runtime.model import SpikingModel

pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("default")]
CLUSTER = Cluster(workers=2)
STUDY = """
study: small
models: [net.onnx]
data: test.npz
calibration: test.npz
payloads: [graded, power]
timesteps: [1, 2, 4]
seeds: [0, 1]
calibration_samples: 24
convert: {adapt: false}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Return a cluster of two workers on this machine, which all the tests here use."""
    pytest.importorskip("ray", reason="needs the extra ray")
    with CLUSTER.connected():
        yield CLUSTER


def workers(cluster: Cluster) -> Any:
    from onnx2snn.cluster.evaluating import RayWorkers

    return RayWorkers(cluster)


@pytest.fixture
def parts(features: np.ndarray, tmp_path: Path) -> Stream:
    for i in range(4):
        np.savez(tmp_path / f"{i}.npz", x=features[10 * i : 10 * i + 10], labels=np.arange(10) % 3)
    return open_samples(tmp_path / "{0..3}.npz", ["x"])


def test_two_workers_give_the_bits_of_one_process(snn: SpikingModel, parts: Stream, cluster: Cluster) -> None:
    options: dict[str, Any] = {"batch_size": 4, "by_layer": True}
    expected = evaluate(snn, parts, [1, 4], **options)
    assert evaluate(snn, parts, [1, 4], streaming=Streaming(workers=workers(cluster)), **options) == expected


class Deadly(InMemory):
    """Kills the process that reads the batch at 16, the first `times`; leaves a file for every batch that is read."""

    def __init__(self, samples: Samples, folder: Path, times: int) -> None:
        super().__init__(samples, BatchAxes())
        self.folder, self.times = folder, times

    def read(self, places: Sequence[int]) -> Samples:
        read = len(list(self.folder.glob(f"{places[0]}-*")))
        (self.folder / f"{places[0]}-{read}-{os.getpid()}").touch()
        if places[0] == 16 and read < self.times:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(places)


def test_a_worker_that_is_killed_costs_its_batch_and_nothing_else(
    snn: SpikingModel, features: np.ndarray, cluster: Cluster, tmp_path: Path
) -> None:
    samples = Samples({"x": features}, np.arange(40) % 3, 40)
    expected = evaluate(snn, samples, [1, 4], batch_size=4)
    stream = Deadly(samples, tmp_path, times=1)
    (tmp_path / "0-driver").touch()  # the first batch is read here as well
    found = evaluate(snn, stream, [1, 4], batch_size=4, streaming=Streaming(workers=workers(cluster)))
    assert found == expected
    read = {start: len(list(tmp_path.glob(f"{start}-*"))) for start in range(4, 40, 4)}
    assert read[16] == 2
    assert sum(read.values()) <= 9 + 2, read  # what the dead worker held queued is read again, what is done is not


def test_an_error_of_a_worker_is_the_sentence_of_one_process(
    snn: SpikingModel, features: np.ndarray, cluster: Cluster
) -> None:
    labels = np.zeros(40, np.int64)
    labels[33] = 3
    samples = Samples({"x": features}, labels, 40)
    with pytest.raises(InputError, match="the labels go up to 3, and the model tells 3 classes apart: number them"):
        evaluate(snn, samples, [2], batch_size=8, streaming=Streaming(workers=workers(cluster)))


def test_more_than_there_is_for_a_worker(snn: SpikingModel, parts: Stream, cluster: Cluster) -> None:
    with pytest.raises(InputError, match=r"takes 1 CPUs and 4 GPUs, there are \d+ and 0: ask for less"):
        evaluate(snn, parts, [1], batch_size=8, streaming=Streaming(workers=workers(Cluster(gpus=4.0))))


def test_trials_of_a_search_are_those_of_one_process(snn: SpikingModel, features: np.ndarray, cluster: Cluster) -> None:
    from onnx2snn.cluster.searching import trials_on
    from onnx2snn.fitting.candidates import grid
    from onnx2snn.fitting.looking import here as one_process
    from onnx2snn.fitting.trials import Tuner

    tuner = Tuner(snn, Samples({"x": features}, np.arange(40) % 3, 40), [1, 2, 4])
    settings = grid("differential", True, 4)[:7]
    with one_process(tuner) as looks:
        expected = list(looks(settings, slice(0, 30)))
    with trials_on(cluster)(tuner) as looks:
        assert list(looks(iter(settings), slice(0, 30))) == expected


def test_the_commands(ir_file: Path, data_file: Path, cluster: Cluster) -> None:
    def printed(*words: object) -> dict[str, Any]:
        result = CliRunner().invoke(main, [*map(str, words), "--data", str(data_file), "--json"])
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    words = ("evaluate", ir_file, "--batch-size", 8)
    assert printed(*words, "--ray", "--workers", 2) == printed(*words)
    assert printed("tune", ir_file, "--budget", 5, "--ray")["trials"] > 1


def study(folder: Path, network: onnx.ModelProto, features: np.ndarray) -> Path:
    folder.mkdir()
    onnx.save(network, folder / "net.onnx")
    np.savez(folder / "test.npz", x=features, labels=np.arange(40) % 3)
    (folder / "s.yaml").write_text(STUDY)
    return folder / "s.yaml"


@pytest.fixture
def make_study(network: onnx.ModelProto, features: np.ndarray, tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: study(tmp_path / name, network, features)


def test_a_study_on_a_cluster_is_that_of_one_process(make_study: Callable[[str], Path], cluster: Cluster) -> None:
    from onnx2snn.cluster.tasks import task_runner

    tables = []
    for name, runner in (("one", here), ("two", task_runner(cluster))):
        conductor = Conductor(read_study(make_study(name)))
        conductor.open(resume=False, force=False)
        conductor.run(runner)
        conductor.write(pictures=False)
        assert len(conductor.rows) == 12
        tables.append((conductor.folder / "table.csv").read_text())
    assert tables[0] == tables[1]


def test_a_driver_that_is_killed_goes_on(make_study: Callable[[str], Path]) -> None:
    """Kill the command once it has a row; the same command with --resume ends with the table of one process."""
    whole, broken = make_study("whole"), make_study("broken")
    base = [sys.executable, "-m", "onnx2snn", "study"]
    more = ["--no-pictures", "--ray", "--workers", "2"]
    subprocess.run([*base, str(whole), "--no-pictures"], check=True, capture_output=True)
    process = subprocess.Popen([*base, str(broken), *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    results = broken.parent / "s" / "results.jsonl"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None and not (results.exists() and results.read_text()):
        time.sleep(0.05)
    process.kill()
    process.wait()
    before = len(results.read_text().splitlines())
    assert 0 < before < 12
    done = subprocess.run([*base, str(broken), *more, "--resume"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (results.parent / "table.csv").read_text() == (whole.parent / "s" / "table.csv").read_text()
    assert len(results.read_text().splitlines()) == 12
