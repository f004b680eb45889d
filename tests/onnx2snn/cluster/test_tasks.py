"""What a job is before a cluster runs it."""

from pathlib import Path

import numpy as np
import onnx

from onnx2snn.cluster.connecting import Cluster
from onnx2snn.cluster.tasks import on_worker
from onnx2snn.study.jobs import jobs
from onnx2snn.study.spec import read_study


def test_a_job_is_run_on_the_gpu_of_its_worker(network: onnx.ModelProto, tmp_path: Path) -> None:
    onnx.save(network, tmp_path / "net.onnx")
    np.savez(tmp_path / "x.npz", x=np.zeros((1, 4), np.float32))
    (tmp_path / "s.yaml").write_text("models: net.onnx\ndata: x.npz\npayloads: graded\ntimesteps: 1\n")
    (job,) = jobs(read_study(tmp_path / "s.yaml"))
    assert on_worker(Cluster(), job) is job
    shared = on_worker(Cluster(gpus=0.5), job)
    assert shared.device == "cuda"
    assert shared.key(1) == job.key(1)
