"""The training script: it learns, is repeatable, and says what is wrong in one sentence."""

import pytest
import torch
from click.testing import CliRunner

from models import networks
from models import train as training
from models.augment import augment
from models.data import load
from models.export import accuracy, export


@pytest.fixture
def short(monkeypatch):
    """Make the recipe of the digits network one of a single epoch of 512 images."""
    recipe = networks["digits_cnn"]()
    changed = type(recipe)(recipe.build, recipe.dataset, epochs=1, target=recipe.target, batch_size=16)
    monkeypatch.setitem(networks._entries, "digits_cnn", lambda: changed)
    data = load("digits")
    few = data._replace(train_image=data.train_image[:512], train_label=data.train_label[:512])
    monkeypatch.setattr(training, "load", lambda name: few)


@pytest.fixture(autouse=True)
def _restore_torch():
    """Undo what a training sets for the whole process."""
    threads = torch.get_num_threads()
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)


def test_one_epoch_is_repeatable_and_better_than_chance(short, tmp_path, capsys):
    reached = training.train("digits_cnn", tmp_path / "a.onnx", threads=1)
    assert reached > 0.4
    assert training.train("digits_cnn", tmp_path / "b.onnx", threads=1) == reached
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    training.train("digits_cnn", tmp_path / "c.onnx", seed=1, threads=1)
    assert (tmp_path / "a.onnx").read_bytes() != (tmp_path / "c.onnx").read_bytes()


def test_a_missed_target_is_an_error(short, tmp_path):
    result = CliRunner().invoke(training.main, ["digits_cnn", "--out", str(tmp_path / "a.onnx"), "--threads", "1"])
    assert result.exit_code == 1
    assert "accuracy on the test images" in result.output
    assert "below the recipe's target, 97.0 %: train it for longer" in result.output


def test_an_unknown_network_is_one_sentence():
    result = CliRunner().invoke(training.main, ["mnist_cn"])
    assert result.exit_code == 1
    assert result.output.strip() == "Error: there is no reference network 'mnist_cn': did you mean 'mnist_cnn'?"


def test_augmentation_moves_images_a_little_and_zero_not_at_all():
    image = torch.from_numpy(load("mnist").test_image[:64])
    generator = torch.Generator().manual_seed(0)
    assert augment(image, 0.0, generator) is image
    changed = augment(image, 1.0, generator)
    assert changed.shape == image.shape
    similar = torch.nn.functional.cosine_similarity(changed.flatten(1), image.flatten(1))
    assert (similar < 0.999).all()
    assert 0.5 < similar.mean() < 0.95


def test_accuracy_counts_right_answers(tmp_path):
    torch.manual_seed(0)
    data = load("digits")
    export(networks["digits_cnn"]().build(), [torch.from_numpy(data.test_image[:2])], tmp_path / "untrained.onnx")
    assert accuracy(tmp_path / "untrained.onnx", data.test_image, data.test_label) < 0.4
