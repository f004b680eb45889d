import click
import numpy as np
import pytest
from click.testing import CliRunner

from models.real.common import need, out_option, save


def test_a_missing_package_is_one_sentence_with_the_remedy():
    with pytest.raises(click.ClickException, match="'no_such_package' is missing, install it with: pip install it"):
        need("no_such_package.part", "pip install it")


def test_a_package_that_is_there_is_returned():
    assert need("json", "pip install json").loads("1") == 1


def test_out_makes_the_folder(tmp_path):
    @click.command()
    @out_option()
    def command(out):
        print(out.is_dir())

    result = CliRunner().invoke(command, ["--out", str(tmp_path / "a" / "b")])
    assert result.output == "True\n"


def test_save_names_what_it_wrote(tmp_path, capsys):
    save(tmp_path / "x.npz", image=np.zeros((2, 3), np.float32))
    assert capsys.readouterr().out.startswith("x.npz: image float32 [2, 3], ")
    assert np.load(tmp_path / "x.npz")["image"].shape == (2, 3)
