"""What kills or hangs ONNX and onnxruntime does so in another process, and becomes a sentence."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnx2snn.reference import lean, sandbox, serving, trying
from onnx2snn.reference.lean import without_weights
from onnx2snn.reference.sandbox import Verdict, try_out
from onnx2snn_runtime.errors import ModelError
from tests.onnx2snn.passes.rewriting import model

NET = "net (float[N, 4] x) => (float[N, 3] y) <float[4, 3] w> { h = MatMul(x, w)  y = Relu(h) }"


def test_a_good_model_has_no_errors() -> None:
    assert try_out(model(NET), "the model") == Verdict({})


def test_errors_are_told_by_stage_and_the_next_stages_are_tried_all_the_same() -> None:
    net = model(NET)
    net.graph.node[0].input[0] = "nowhere"
    found = try_out(net, "the model")
    assert {"the checker", "onnxruntime, loading it"} <= found.errors.keys()
    with pytest.raises(ModelError, match=r"a.onnx is no valid ONNX model \(.*'nowhere' of node.*\): export it anew"):
        found.require_valid("a.onnx")


def test_the_node_is_named() -> None:
    net = model(NET)
    net.graph.node[1].name = "act"
    net.graph.node[1].input.append("h")
    with pytest.raises(ModelError, match="in the Relu node 'act'"):
        try_out(net, "the model").require_valid("the model")


def test_unknown_operators_and_outputs_without_shapes_are_no_fault() -> None:
    net = model(NET)
    net.graph.node[1].op_type = "Foo"
    net.graph.output[0].type.tensor_type.ClearField("shape")
    assert not try_out(net, "the model").invalid


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no signals")
@pytest.mark.parametrize("kind", [signal.SIGSEGV, signal.SIGFPE, signal.SIGABRT])
def test_a_death_is_a_sentence_and_the_next_model_is_tried(
    monkeypatch: pytest.MonkeyPatch, kind: signal.Signals
) -> None:
    try_out(model(NET), "the model")
    process = serving.server().process
    os.kill(process.pid, signal.SIGSTOP)  # it dies while the model is with it
    timer = serving.threading.Timer(0.3, lambda: (os.kill(process.pid, kind), os.kill(process.pid, signal.SIGCONT)))
    timer.start()
    with pytest.raises(ModelError, match=rf"a.onnx cannot be used: reading it dies of it \({kind.name}\)"):
        try_out(model(NET), "a.onnx")
    assert not try_out(model(NET), "the model").errors


def test_a_division_that_kills_onnxruntime_kills_the_other_process_alone() -> None:
    net = model("net (int64[N] x) => (int64[N] y) <int64 low = {-9223372036854775808}> { z = Neg(x)  y = Div(low, z) }")
    with pytest.raises(ModelError, match=r"onnxruntime, running it on made-up inputs dies of it \(SIGFPE\)"):
        try_out(net, "the model")


def test_without_the_other_process_this_one_tries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "false").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "false").chmod(0o755)
    serving.server().stop()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "false"))
    assert try_out(model(NET), "the model") == Verdict({})
    net = model(NET)
    net.graph.node[0].input[0] = "nowhere"
    with pytest.raises(ModelError, match="is no valid ONNX model"):
        try_out(net, "the model").require_valid("the model")


def test_what_takes_too_long_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    net = model(NET)
    try_out(net, "the model")
    monkeypatch.setattr(sandbox, "SECONDS", 1)
    os.kill(serving.server().process.pid, signal.SIGSTOP)
    start = time.monotonic()
    with pytest.raises(ModelError, match="reading it takes more than 1 s"):
        try_out(net, "the model")
    assert time.monotonic() - start < 3


def test_large_weights_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean, "LARGEST_WEIGHT", 40)
    net = model(NET)
    net.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((4, 3), np.float32), "w"))
    before = net.SerializeToString()
    small, spared = without_weights(net)
    assert (len(small.graph.initializer), spared, [v.name for v in small.graph.input]) == (0, 48, ["x", "w"])
    assert net.SerializeToString() == before
    assert try_out(net, "the model") == Verdict({})
    net.graph.initializer[0].raw_data = b"short"
    assert len(without_weights(net)[0].graph.initializer) == 1


def test_memory_beyond_the_machine_is_a_sentence() -> None:
    text = "net (float[N] x) => (float[N] y) { z = ConstantOfShape(n)  s = ReduceSum(z)  y = Add(x, s) }"
    net = model(text.replace("y)", f"y) <int64[1] n = {{{2**50}}}>", 1))
    with pytest.raises(ModelError, match="needs more memory than there is"):
        try_out(net, "the model")


def test_the_folder_that_one_works_in_is_not_imported_from(tmp_path: Path) -> None:
    (tmp_path / "onnx.py").write_text("open('executed', 'w')")
    code = "from onnx2snn.reference.serving import server; print(server().ask(b'', 5)[-1])"
    here = [path for path in sys.path if path]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(here)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stdout == "{'done': True}\n", done.stderr
    assert not (tmp_path / "executed").exists()


def test_a_fork_has_a_process_of_its_own() -> None:
    try_out(model(NET), "the model")
    own = serving.server()
    serving.server().owner += 1  # as a fork sees it
    try:
        assert serving.server() is not own
        assert own.process.poll() is None
    finally:
        own.owner = os.getpid()
        own.stop()


def test_the_process_serves_until_its_input_ends(tmp_path: Path) -> None:
    raw = model(NET).SerializeToString()
    head = json.dumps({"kind": "whole", "size": len(raw), "seconds": 60}).encode()
    (tmp_path / "in").write_bytes(2 * (head + b"\n" + raw))
    with (tmp_path / "in").open("rb") as source, (tmp_path / "out").open("wb") as answers:
        trying.serve(source, answers)
    assert (tmp_path / "out").read_text().count('{"done": true}') == 2


def test_inputs_are_made_for_every_type() -> None:
    made = [helper.make_tensor_value_info(f"x{kind}", kind, ["N", 3]) for kind in (1, 7, 9, 10, 11)]
    graph = helper.make_graph([], "g", made, [], [])
    assert {v.shape for v in trying._inputs(helper.make_model(graph)).values()} == {(1, 3)}
    assert TensorProto.BOOL == 9
    assert isinstance(graph, onnx.GraphProto)
