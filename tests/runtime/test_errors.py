"""A stage turns what other libraries raise into one sentence."""

import onnx
import onnx_graphsurgeon as gs
import pytest
import torch

from onnx2snn_runtime.errors import InputError, ModelError, Stage


def fail(error: BaseException, node: object = None) -> None:
    """Raise `error` with a node in sight, as a pass does."""
    with Stage("folding 'a.onnx'"):
        raise error


def test_a_foreign_error_is_one_sentence_with_the_stage() -> None:
    with pytest.raises(ModelError, match=r"^folding 'a.onnx' failed \(KeyError: 'w'\): check the model") as caught:
        fail(KeyError("w"))
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(ModelError, match=r"failed \(AssertionError\): check"):
        fail(AssertionError())
    with pytest.raises(ModelError, match=r"failed \(ValueError: first\): check"):
        fail(ValueError("\n first\nsecond"))


@pytest.mark.parametrize("name", ["n", ""])
def test_the_node_at_work_is_named(name: str) -> None:
    proto = onnx.helper.make_node("Relu", ["x"], ["n"], name)
    for node in (proto, gs.Node("Relu", name, {}, [], [gs.Variable("n")])):
        with pytest.raises(ModelError, match=r"failed at the Relu node 'n' \(TypeError: no\)"):
            fail(TypeError("no"), node)


def test_memory_is_told_apart() -> None:
    with pytest.raises(ModelError, match="needs more memory than there is"):
        fail(MemoryError("Unable to allocate"))
    with pytest.raises(torch.OutOfMemoryError):
        fail(torch.OutOfMemoryError("CUDA"))


def test_own_errors_and_interrupts_pass() -> None:
    for error in (InputError("own"), KeyboardInterrupt(), SystemExit(3)):
        with pytest.raises(type(error)) as caught:
            fail(error)
        assert caught.value is error


def test_a_function_may_be_a_stage() -> None:
    @Stage("reading")
    def read() -> None:
        raise OSError("gone")

    with pytest.raises(ModelError, match=r"reading failed \(OSError: gone\)"):
        read()


def test_control_characters_of_names_are_written_out() -> None:
    assert str(ModelError("the node 'a\n\x1b[31m\u202eb'")) == r"the node 'a\n\x1b[31m\u202eb'"
    assert InputError("plain", 3).args == ("plain", 3)


def test_what_the_system_refuses_names_the_path() -> None:
    with pytest.raises(ModelError, match=r"^folding 'a.onnx' failed: File name too long: 'x+...; check the path$"):
        fail(OSError(36, "File name too long", "x" * 5000))
    with pytest.raises(ModelError, match=r"^folding 'a.onnx' failed: No space left on device$"):
        fail(OSError(28, "No space left on device"))
