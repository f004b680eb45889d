"""Training and evaluation by configuration, on tiny made-up folders."""

import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from models import evaluate as evaluation
from models import train as training
from models.config import DataConfig, OptimizerConfig, TrainingConfig, read_config
from models.datasets import open_images
from models.trainer import Trainer
from onnx2snn_runtime.errors import InputError


@pytest.fixture(autouse=True)
def _restore_torch() -> Any:
    threads = torch.get_num_threads()
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of dark and bright images of 40x36, in train/ and val/."""
    draw = np.random.default_rng(0)
    for split, count in (("train", 12), ("val", 4)):
        for label, level in (("n01", 40), ("n02", 200)):
            place = tmp_path / "images" / split / label
            place.mkdir(parents=True)
            for i in range(count):
                pixels = draw.integers(level - 40, level + 40, (36, 40, 3)).astype(np.uint8)
                Image.fromarray(pixels).save(place / f"{i}.png")
    return tmp_path / "images"


@pytest.fixture
def settings(folder: Path) -> list[str]:
    """Return what makes cifar10_resnet20 a training of two classes that takes seconds."""
    return [
        "data.name=folder", f"data.path={folder}", "data.size=32", "model.name=cifar10_resnet20", "training.epochs=2",
        "training.batch_size=8", "training.augmentation=0.2", "training.flip=true", "training.threads=1",
    ]  # fmt: skip


def test_train_then_evaluate_a_folder(folder: Path, settings: list[str], tmp_path: Path, monkeypatch: Any) -> None:
    words = ["mnist_mlp", *settings, "training.target=0", "--out", str(tmp_path / "net.onnx")]
    result = CliRunner().invoke(training.main, [*words, "--checkpoint", str(tmp_path / "c.pt")])
    assert result.exit_code == 0, result.output
    assert "epoch 2/2  loss" in result.output
    again = CliRunner().invoke(training.main, [*words, "--checkpoint", str(tmp_path / "c.pt")])
    assert again.exit_code == 0, again.output
    assert "going on after epoch 2" in again.output
    made = types.SimpleNamespace(
        proto=__import__("onnx").load(tmp_path / "net.onnx"),
        preprocessing=training.build(read_config(None, settings))[1],
    )
    monkeypatch.setattr(evaluation.zoo, "load", lambda name, **options: made)
    words = [
        "mnist_mlp",
        *settings,
        "dynamics.timesteps=[1,4]",
        "dynamics.convert={adapt: false}",
        "dynamics.batch_size=3",
    ]
    result = CliRunner().invoke(evaluation.main, [*words, "--out", str(tmp_path / "f.json")])
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "f.json").read_text())
    assert (found["samples"], list(found["timesteps"])) == (8, ["1", "4"])
    assert found["timesteps"]["4"]["agreement"] >= 0.5
    assert "8 images, plain network" in result.output


def test_a_resumed_training_ends_like_one_that_was_not_interrupted(tmp_path: Path) -> None:
    image, label = torch.randn(8, 4, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 3

    def fit(epochs: list[int], file: Path) -> torch.Tensor:
        for last in epochs:
            torch.manual_seed(0)
            network = torch.nn.Linear(4, 3)
            trainer = Trainer(network, OptimizerConfig(), TrainingConfig(epochs=4), 1, checkpoint=file)
            trainer.config = TrainingConfig(epochs=last)
            trainer.fit(lambda: [(image, label)])
        return network.weight.detach()

    torch.testing.assert_close(fit([2, 4], tmp_path / "a.pt"), fit([4], tmp_path / "b.pt"), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("optimizer", "config", "sentence"),
    [
        (OptimizerConfig("adam"), TrainingConfig(), "no optimizer 'adam': choose adamw or sgd"),
        (OptimizerConfig(), TrainingConfig(precision="int8"), "no precision 'int8': choose float32, bfloat16, float16"),
        (OptimizerConfig(), TrainingConfig(device="tpux"), "no device 'tpux': give cpu, cuda or cuda:N"),
    ],
)
def test_a_trainer_that_cannot_be_made(optimizer: OptimizerConfig, config: TrainingConfig, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Trainer(torch.nn.Linear(2, 2), optimizer, config, 1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_no_cuda() -> None:
    with pytest.raises(InputError, match=r"no device 'cuda' here: train on the CPU with training.device=cpu"):
        Trainer(torch.nn.Linear(2, 2), OptimizerConfig(), TrainingConfig(device="cuda"), 1)


def test_a_checkpoint_of_another_network(tmp_path: Path) -> None:
    (tmp_path / "c.pt").write_bytes(b"nothing")
    with pytest.raises(InputError, match="is of another network or is damaged: remove it to start anew"):
        Trainer(torch.nn.Linear(2, 2), OptimizerConfig(), TrainingConfig(), 1, checkpoint=tmp_path / "c.pt")


def test_data_that_are_not_there(folder: Path) -> None:
    with pytest.raises(InputError, match=r"needs its path: data.path=FOLDER"):
        open_images(DataConfig("folder"), "train")
    with pytest.raises(InputError, match="has no folder train: put the images there, a folder a class"):
        open_images(DataConfig("folder", str(folder / "val")), "train")
    for file in (folder / "val" / "n01").iterdir():
        file.rename(folder / "val" / file.name)
    for file in (folder / "val" / "n02").iterdir():
        file.unlink()
    with pytest.raises(InputError, match="holds images without classes: put them into a folder a class"):
        open_images(DataConfig("folder", str(folder)), "test")


class Split(list[dict[str, Any]]):
    """What Hugging Face's Dataset is to the reader."""

    column_names = ("img", "fine_label")


def test_a_hugging_face_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match="the data set 'cifar100' needs the package datasets: pip install datasets"):
        open_images(DataConfig("cifar100"), "train")
    rows = Split([{"img": Image.new("RGB", (32, 32), (255, 0, 0)), "fine_label": 7}])
    asked: list[str] = []
    module = types.ModuleType("datasets")
    module.load_dataset = lambda name: asked.append(name) or {"train": rows}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)
    image, label = open_images(DataConfig("cifar100"), "train")[0]
    assert (asked, image.shape, label, float(image[0].max())) == (["uoft-cs/cifar100"], (3, 32, 32), 7, 1.0)
    with pytest.raises(InputError, match=r"has no split val or validation or test: it has \['train'\]"):
        open_images(DataConfig("cifar100"), "test")
    rows.column_names = ("picture", "fine_label")
    with pytest.raises(InputError, match="no column image or img: it has picture, fine_label"):
        open_images(DataConfig("cifar100"), "train")

    def offline(name: str) -> None:
        raise OSError("no network")

    module.load_dataset = offline  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=r"'cifar100' cannot be had \(no network\): give data.path=FOLDER"):
        open_images(DataConfig("cifar100"), "train")
