"""Models by name: which names there are, what comes back, and every sentence where one cannot be had."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import onnx2snn
from onnx2snn import zoo
from onnx2snn.zoo.base import Request, need, no_weights
from onnx2snn_runtime.errors import InputError, ModelError, RegistryError

QUIET = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


def test_what_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert zoo.is_name("timm/resnet18")
    assert zoo.is_name(Path("transformers/google/vit-base"))
    for text in ("resnet18", "net.onnx", "timm/", "/timm/resnet18", "folder/net.onnx"):
        assert not zoo.is_name(text)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "timm").mkdir()
    (tmp_path / "timm" / "net.onnx").touch()
    assert not zoo.is_name("timm/net.onnx"), "a file that is there comes first"


def test_names_that_are_none() -> None:
    with pytest.raises(
        InputError, match="'resnet18' is no name of a model: write SOURCE/NAME, with one of reference, t"
    ):
        zoo.load("resnet18")
    with pytest.raises(RegistryError, match="no source of models 'tim': did you mean 'timm'"):
        zoo.load("tim/resnet18")
    with pytest.raises(RegistryError, match="did you mean 'reference/mnist_vit'"):
        zoo.load("reference/mnist_vitt")


def test_a_trained_reference_network_converts_by_its_name() -> None:
    model = zoo.load("reference/mnist_mlp")
    assert (model.size, model.name) == ((1, 28, 28), "reference/mnist_mlp")
    assert model.preprocessing.channels == "gray"
    snn = onnx2snn.convert("reference/mnist_mlp", np.zeros((4, 1, 28, 28), np.float32), adapt=False)
    assert len(snn.program.populations) == 2


def test_a_reference_network_that_is_not_kept() -> None:
    with pytest.raises(InputError, match=r"cannot be had \(train it: python -m models.train mnist_lenet\)"):
        zoo.load("reference/mnist_lenet")
    with pytest.raises(InputError, match="is built one way alone: leave out the size and the options"):
        zoo.load("reference/mnist_mlp", size=32)


def test_without_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "models", None)
    with pytest.raises(InputError, match="in the repository of onnx2snn and are not installed: run this in its folder"):
        zoo.names("reference")


@pytest.mark.parametrize("package", ["timm", "torchvision", "transformers"])
def test_an_absent_package_is_one_sentence(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (package, f"{package}.models"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=rf"'{package}/x' needs the package {package}, which is absent: pip install '"):
        zoo.load(f"{package}/x")


def test_a_package_that_is_broken_inside_is_not_called_absent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "brittle.py").write_text("import nowhere_to_be_found\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="nowhere_to_be_found"):
        need("brittle", "this test")


def test_the_first_line_of_a_reason_is_enough() -> None:
    error = no_weights(Request("timm/x"), OSError("offline.\nsee the manual"))
    assert str(error) == (
        "the pretrained weights of 'timm/x' cannot be had (offline): connect to the network once, "
        "or take random weights (--no-pretrained, pretrained=False)"
    )


def test_the_zoo_is_imported_without_its_packages() -> None:
    code = (
        "import sys, onnx2snn.zoo; print(sorted({'timm', 'torchvision', 'transformers', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_text_models_take_no_images() -> None:
    with pytest.raises(InputError, match=r"'transformers/bert' takes no images: give its inputs as an .npz"):
        _ = zoo.ZooModel("transformers/bert", onnx.ModelProto()).preprocessing


@QUIET
@pytest.mark.slow
class TestTimm:
    def test_size_normalisation_and_repeatability(self) -> None:
        pytest.importorskip("timm")
        model = zoo.load("timm/test_convnext", pretrained=False, size=(64, 96), num_classes=7)
        assert (model.size, model.mean[0], model.resize) == ((3, 64, 96), 0.5, 67)
        assert model.preprocessing.size == (64, 96)
        again = zoo.load("timm/test_convnext", pretrained=False, size=(64, 96), num_classes=7)
        assert again.proto.graph.initializer == model.proto.graph.initializer
        assert model.proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"

    def test_errors(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("timm")
        monkeypatch.setenv("HF_HOME", str(tmp_path))
        with pytest.raises(RegistryError, match="did you mean 'timm/convnext_atto'"):
            zoo.load("timm/convnext_attoo")
        with pytest.raises(InputError, match="weights of 'timm/convnext_atto' cannot be had"):
            zoo.load("timm/convnext_atto")
        with pytest.raises(InputError, match=r"cannot be built with \{'colour': 1\}"):
            zoo.load("timm/convnext_atto", pretrained=False, colour=1)


@QUIET
@pytest.mark.slow
class TestTorchvision:
    def test_a_segmenter_gives_its_main_output(self) -> None:
        pytest.importorskip("torchvision")
        model = zoo.load("torchvision/lraspp_mobilenet_v3_large", pretrained=False, size=64)
        assert model.size == (3, 64, 64)
        assert [v.name for v in model.proto.graph.output] == ["logits"]

    def test_errors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        models = pytest.importorskip("torchvision.models")
        with pytest.raises(RegistryError, match="torchvision has no model 'fasterrcnn_resnet50_fpn'"):
            zoo.load("torchvision/fasterrcnn_resnet50_fpn")
        with pytest.raises(InputError, match="cannot be built with"):
            zoo.load("torchvision/resnet18", pretrained=False, colour=1)

        def offline(*args: Any, **options: Any) -> None:
            raise OSError("no network")

        monkeypatch.setattr(models, "get_model", offline)
        with pytest.raises(InputError, match=r"weights of 'torchvision/resnet18' cannot be had \(no network\)"):
            zoo.load("torchvision/resnet18")


@QUIET
@pytest.mark.slow
class TestTransformers:
    @pytest.mark.parametrize(("name", "inputs"), [("vit", ["pixel_values"]), ("bert", ["input_ids", "attention_mask"])])
    def test_a_type_of_models_with_random_weights(self, name: str, inputs: list[str]) -> None:
        pytest.importorskip("transformers")
        small = {"num_hidden_layers": 1, "hidden_size": 24, "num_attention_heads": 2, "intermediate_size": 32}
        model = zoo.load(f"transformers/{name}", pretrained=False, size=32, **small)
        assert [v.name for v in model.proto.graph.input] == inputs
        assert model.size == ((3, 32, 32) if name == "vit" else None)
        snn = onnx2snn.convert(model.proto, adapt=False)
        assert len(snn.program.populations) >= 5

    def test_errors(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("transformers")
        monkeypatch.setenv("HF_HOME", str(tmp_path))
        with pytest.raises(RegistryError, match="did you mean 'transformers/bert'"):
            zoo.load("transformers/bertt", pretrained=False)
        with pytest.raises(InputError, match="a type of models has none: name a model id"):
            zoo.load("transformers/bert")
        with pytest.raises(InputError, match="weights of 'transformers/nobody/nothing' cannot be had"):
            zoo.load("transformers/nobody/nothing")
        with pytest.raises(ModelError, match="PyTorch cannot export 'transformers/swin' to ONNX"):
            zoo.load("transformers/swin", pretrained=False, size=16)
