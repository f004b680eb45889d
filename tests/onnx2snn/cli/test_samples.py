"""Where samples are, through the command line: found, shown, overridden, and written."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from tests.onnx2snn.cli.conftest import Invoke, Refused

STATES = """g (float[n,5,4] x, float[1,n,8] h, float rate) => (float[n,3] y, float[1,n,8] hn)
{ xt = Transpose<perm = [1, 0, 2]>(x)  o, hn = GRU<hidden_size = 8>(xt, w, r, b, , h)  f = Squeeze(hn, zero)
  d = Mul(f, rate)  y = MatMul(d, u) }"""
DETECTOR = """g (float[1,6,4] x) => (float[k,4] boxes)
{ a = MatMul(x, v)  e = Relu(a)  c = MatMul(e, t)  s = Squeeze(c, zero)  p = Slice(s, zero, one, one)
  g = Greater(p, none)  q = Squeeze(g, one)  nz = NonZero(q)  at = Squeeze(nz, zero)  boxes = Gather(s, at) }"""


def write(text: str, path: Path) -> Path:
    draw = np.random.default_rng(0)
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {text}')
    shapes = {"w": (1, 24, 4), "r": (1, 24, 8), "b": (1, 48), "u": (8, 3), "v": (4, 8), "t": (8, 4)}
    weights = {name: (draw.normal(size=shape) / 2).astype(np.float32) for name, shape in shapes.items()}
    weights |= {"zero": np.array([0]), "one": np.array([1]), "none": np.float32(0.2)}
    read = {name for node in model.graph.node for name in node.input}
    model.graph.initializer.extend(numpy_helper.from_array(v, name) for name, v in weights.items() if name in read)
    onnx.save(model, path)
    return path


def states(count: int) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(count)
    x, h = draw.normal(size=(count, 5, 4)), draw.normal(size=(1, count, 8))
    return {"x": x.astype(np.float32), "h": h.astype(np.float32), "rate": np.float32(2)}


def test_states_through_every_command(invoke: Invoke, tmp_path: Path) -> None:
    model, ir = write(STATES, tmp_path / "m.onnx"), tmp_path / "m.snn.onnx"
    np.savez(tmp_path / "seen.npz", **states(24))
    np.savez(tmp_path / "test.npz", **states(7))
    shown = {
        "input x": "samples along axis 0",
        "input h": "samples along axis 1",
        "input rate": "one for all samples",
        "output y": "samples along axis 0",
        "output hn": "samples along axis 1",
    }
    assert invoke("convert", model, "-c", tmp_path / "seen.npz", "--no-adapt").exit_code == 0
    for file in (model, ir):
        lines = invoke("inspect", file).stdout.splitlines()
        for port, words in shown.items():
            assert any(line.startswith(port) and line.endswith(words) for line in lines), (file, port)
    ran = invoke(
        "run", ir, "-i", tmp_path / "test.npz", "-o", tmp_path / "y.npz", "--samples", "6", "--batch-size", "4"
    )
    assert ran.exit_code == 0
    with np.load(tmp_path / "y.npz") as found:
        assert {name: found[name].shape for name in found} == {"y": (6, 3), "hn": (1, 6, 8)}
    found = json.loads(invoke("evaluate", ir, "-d", tmp_path / "test.npz", "--output", "hn", "--json").stdout)
    assert found["samples"] == 7
    assert found["timesteps"]["8"]["relative_error"] < 0.02
    assert invoke("tune", ir, "-d", tmp_path / "test.npz", "--budget", "1").exit_code == 0


def test_detections_are_written_an_array_a_sample(invoke: Invoke, refused: Refused, tmp_path: Path) -> None:
    model, ir = write(DETECTOR, tmp_path / "m.onnx"), tmp_path / "m.snn.onnx"
    x = np.random.default_rng(1).normal(size=(24, 6, 4)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    assert invoke("convert", model, "-c", tmp_path / "x.npy").exit_code == 0
    words = ["run", ir, "-i", tmp_path / "x.npy", "--samples", "4", "--timesteps", "8"]
    done = invoke(*words, "-o", tmp_path / "y.npz", "--json")
    shapes = json.loads(done.stdout)["shapes"]
    assert list(shapes) == ["boxes.0", "boxes.1", "boxes.2", "boxes.3"]
    with np.load(tmp_path / "y.npz") as found:
        assert {name: list(found[name].shape) for name in found} == shapes
    assert "'boxes' is as long as the data say" in refused(*words, "-o", tmp_path / "y.npy")
    found = json.loads(invoke("evaluate", ir, "-d", tmp_path / "x.npy", "--json").stdout)
    assert found["timesteps"]["8"]["relative_error"] < 0.2  # a row more or less counts whole


def test_the_axis_and_the_shape_that_are_asked_for(invoke: Invoke, tmp_path: Path) -> None:
    text = "g (float[?,?,4] x) => (float[?,?,8] y) { a = MatMul(x, v)  y = Relu(a) }"
    model, ir = write(text, tmp_path / "m.onnx"), tmp_path / "m.snn.onnx"
    np.save(tmp_path / "x.npy", np.ones((6, 9, 4), np.float32))
    words = ["--batch-axis", "x=1", "--shape", "x=6,0,4"]
    assert "input x: float32 (any, any, 4), samples along axis 1" in invoke("inspect", model, *words).stdout
    assert invoke("convert", model, "-c", tmp_path / "x.npy", "--no-adapt", *words).exit_code == 0
    assert "input x: float32 (6, any, 4), samples along axis 1" in invoke("inspect", ir).stdout
    assert json.loads(invoke("evaluate", ir, "-d", tmp_path / "x.npy", "--json").stdout)["samples"] == 9
    other = invoke("evaluate", ir, "-d", tmp_path / "x.npy", "--batch-axis", "x=0", "--batch-axis", "y=0", "--json")
    assert json.loads(other.stdout)["samples"] == 6


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--batch-axis", "x"], "'x' is no batch axis: write NAME=AXIS, counted from 0, or NAME=none"),
        (["--batch-axis", "x=-1"], "'x=-1' is no batch axis"),
        (["--batch-axis", "q=0"], "no input or output 'q' to give a batch axis"),
        (["--shape", "x=a,4"], "'x=a,4' is no shape: write NAME=1,1,64,160, with 0 for an axis that stays free"),
        (["--shape", "x=1,2"], "has 2 axes, the model's input 3"),
    ],
)
def test_what_cannot_be_asked_for(invoke: Invoke, tmp_path: Path, words: list[str], sentence: str) -> None:
    model = write(STATES, tmp_path / "m.onnx")
    done = invoke("inspect", model, *words)
    assert done.exit_code != 0
    assert sentence in done.stderr


def test_an_axis_that_a_file_does_not_have(refused: Refused, ir_file: Path, data_file: Path) -> None:
    words = ["evaluate", ir_file, "-d", data_file, "--batch-axis"]
    assert "there is no input or output 'q': there are logits, x" in refused(*words, "q=0")
    assert "'x' has 2 axes, and no batch axis 2: count from 0, or give none" in refused(*words, "x=2")
