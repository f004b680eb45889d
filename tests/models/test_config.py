from pathlib import Path

import pytest

from models import networks
from models.config import FOLDER, Config, of_recipe, read_config
from models.train import configured
from onnx2snn_runtime.errors import InputError, RegistryError


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.yaml")))
def test_every_configuration_that_is_kept_fits(name: str) -> None:
    config = read_config(Path(name), ["training.epochs=3"])
    assert isinstance(config, Config)
    assert config.training.epochs == 3
    assert "/" in config.model.name or config.model.name in networks


def test_a_recipe_is_a_configuration() -> None:
    recipe = networks["mnist_vit"]()
    config = of_recipe("mnist_vit", recipe)
    assert (config.data.name, config.training.epochs, config.optimizer.learning_rate) == ("mnist", 25, 2e-3)
    assert configured("mnist_vit", ["training.epochs=2", "dynamics.timesteps=[4]"]).dynamics.timesteps == [4]


def test_a_file_comes_under_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("data: {name: digits}\ntraining: {epochs: 7}\n")
    config = configured(str(tmp_path / "a.yaml"), ["training.epochs=8"])
    assert (config.data.name, config.training.epochs) == ("digits", 8)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("training: {epoch: 7}", r"does not fit: Key 'epoch' not in 'TrainingConfig'"),
        ("training: {epochs: many}", r"does not fit: Value 'many'"),
        ("training: {epochs: [", r"does not fit: "),
        ("- 1", r"does not fit: "),
    ],
)
def test_what_does_not_fit(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_config(tmp_path / "a.yaml", [])


def test_unknown_names() -> None:
    with pytest.raises(InputError, match=r"no configuration 'none.yaml': models/configs has cifar10"):
        read_config(Path("none.yaml"), [])
    with pytest.raises(RegistryError, match="no reference network 'nothing'"):
        configured("nothing", [])
