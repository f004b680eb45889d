"""Ratios to onnxruntime: rows for what is there, and a row that says what is not."""

import click
import numpy as np
import onnx
import pytest
from click.testing import CliRunner

import onnx2snn
from benchmarks import real
from benchmarks.trained import TRAINED, calibration


def test_a_network_of_the_repository(tmp_path):
    result = CliRunner().invoke(
        real.main, ["--only", "mnist_cnn", "--repeats", "1", "--threads", "1", "--json", str(tmp_path / "real.json")]
    )
    assert result.exit_code == 0, result.output
    head, _, large, small = result.output.splitlines()
    assert head == "| network | batch | onnxruntime, ms | torch | T=1 | T=2 | T=4 |"
    assert large.startswith("| mnist_cnn | 200 | ")
    assert small.startswith("| mnist_cnn | 1 | ")
    assert len({line.count("|") for line in (head, large, small)}) == 1
    assert '"ratio"' in (tmp_path / "real.json").read_text()


def test_what_is_not_there_is_a_row(tmp_path):
    result = CliRunner().invoke(real.main, ["--only", "minilm", "--folder", str(tmp_path)])
    assert result.output.splitlines()[-1].startswith("| minilm | minilm.onnx is not in the folder: see models/real")


def test_the_plain_network_through_our_program_is_the_original():
    snn = onnx2snn.convert(TRAINED / "mnist_cnn.onnx", calibration(), adapt=False)
    inputs = {"image": calibration()[:5]}
    (got,) = real.plain(snn, inputs)().values()
    (expected,) = onnx2snn.reference.ann.Ann(onnx.load(TRAINED / "mnist_cnn.onnx"))(inputs).values()
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-4)


def test_texts_are_cut_and_samples_repeat(tmp_path):
    onnx.save(onnx.load(TRAINED / "mnist_cnn.onnx"), tmp_path / "m.onnx")
    for name in ("s.npz", "c.npz"):
        np.savez(tmp_path / name, ids=np.arange(60).reshape(3, 20), image=np.zeros((3, 1, 4, 4)))
    network = real._file("m.onnx", "s.npz", "c.npz", 17)(tmp_path)
    assert {name: x.shape for name, x in network.samples.items()} == {"ids": (3, 17), "image": (3, 1, 4, 4)}
    (tmp_path / "c.npz").unlink()
    with pytest.raises(click.ClickException, match=r"c\.npz is not in the folder"):
        real._file("m.onnx", "s.npz", "c.npz")(tmp_path)
