"""The page of a report: what stands in it, and that no name of a file gets out of its place."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from onnx2snn.data.readers import Samples
from onnx2snn.evaluation.evaluation import evaluate
from onnx2snn.report.facts import collect
from onnx2snn.report.page import plain
from onnx2snn.report.pictures import picture
from onnx2snn.report.writing import write_report
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.ir.recurrence import neurons_of
from onnx2snn_runtime.model import SpikingModel
from tests.runtime.networks import CNN, MLP, PRODUCT, network, sample

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def plotly() -> None:
    pytest.importorskip("plotly")


def hostile(text: str = CNN) -> SpikingModel:
    """Return a network whose populations, inputs and graph have names that try to break out of a page."""
    snn = network(text, timesteps=2)
    for node in neurons_of(snn.proto.graph):
        node.name = f"{HOSTILE} {node.name}"
    snn.proto.graph.name = HOSTILE
    return SpikingModel(snn.proto)


def samples(snn: SpikingModel, count: int = 7) -> Samples:
    labels = np.arange(count) % 3
    return Samples(sample(snn, count), labels, count)


def facts_in(page: str) -> dict:
    found = re.findall(r'<script type="application/json" id="facts">(.*?)</script>', page, re.DOTALL)
    assert len(found) == 1
    return dict(json.loads(found[0]))


def test_the_page_holds_the_figures_of_evaluate(plotly: None, tmp_path: Path) -> None:
    snn = network(CNN, timesteps=2)
    data = samples(snn)
    found = write_report(snn, data, tmp_path / "r.html", [1, 4], title="A <b>title</b>")
    wanted = evaluate(snn, data, [1, 2, 4], by_layer=True)
    assert found == wanted
    text = (tmp_path / "r.html").read_text()
    facts = facts_in(text)
    assert facts["figures"] == plain(wanted)
    assert facts["timesteps"] == ["1", "2", "4"]
    assert "<title>A &lt;b&gt;title&lt;/b&gt;: onnx2snn report</title>" in text
    assert [p["name"] for p in facts["populations"]] == snn.population_names()
    assert len(text) < 6e6
    assert "Content-Security-Policy" in text
    assert not re.search(r'(src|href)="(?!#)', text.split('<script type="text/plain"')[0])


def test_what_is_recorded_of_a_population() -> None:
    snn = network(CNN, timesteps=2)
    data = samples(snn)
    from onnx2snn.data.streams.base import InMemory

    facts = collect(snn, InMemory(data, snn.program.axes), [1, 4], title="", progress=None)
    run = snn.run(data.inputs, 4, probes=["spikes", "values"])
    for one in facts["populations"]:
        spikes, values = (run.probes[kind][one["name"]].numpy() for kind in ("spikes", "values"))
        count = spikes[0].size
        assert sum(one["values"]["plain"]) == sum(one["values"]["spiking"]) == count
        assert sum(one["payloads"]["counts"]) == np.count_nonzero(spikes)
        sizes = np.abs(spikes[spikes != 0]) / 4.0
        exponents = np.floor(np.log2(sizes)).astype(int)
        assert dict(zip(one["payloads"]["exponents"], one["payloads"]["counts"], strict=True)) == {
            e: int((exponents == e).sum()) for e in range(exponents.min(), exponents.max() + 1)
        }
        rows = spikes[:, :3].reshape(4, 3, -1)[:, :, one["chosen"]]
        np.testing.assert_allclose(np.array(one["spikes"]), rows.transpose(1, 0, 2), rtol=1e-3)
        traced = values[:, :3].reshape(4, 3, -1)[:, :, one["traced"]]
        np.testing.assert_allclose(np.array(one["traces"]), traced.transpose(1, 0, 2), rtol=1e-3, atol=1e-6)
    assert facts["recorded"] == [0, 1, 2]


def test_the_size_does_not_grow_with_samples_and_neurons() -> None:
    from onnx2snn.data.streams.base import InMemory

    snn = network(CNN, timesteps=2)
    sizes = []
    for count in (20, 200):
        data = Samples(sample(snn, count), None, count)
        facts = collect(snn, InMemory(data, snn.program.axes), [1, 2], title="", progress=None)
        sizes.append(len(json.dumps(plain(facts["populations"]))))
    assert abs(sizes[0] - sizes[1]) < 0.1 * sizes[0]


def test_confusion_and_samples_that_disagree() -> None:
    from onnx2snn.data.streams.base import InMemory

    snn = network(CNN, timesteps=1)
    snn.set_population("neuron_g", scale=0.01)
    data = samples(snn, 40)
    facts = collect(snn, InMemory(data, snn.program.axes), [1], title="", progress=None)
    answers, figures = facts["answers"], facts["figures"]["timesteps"]["1"]
    counts = np.array(answers["confusion"]["counts"])
    assert counts.sum() == 40
    assert np.trace(counts) / 40 == pytest.approx(figures["agreement"])
    differ = 40 - int(np.trace(counts))
    assert differ > 0
    assert answers["text"].startswith(f"{differ} of 40 answers differ")
    assert len(answers["samples"]) == min(24, differ)
    assert "label" in answers["samples"][0]["text"]
    assert len(answers["errors"]) == 40


def test_hostile_names_stay_in_their_place(plotly: None, tmp_path: Path) -> None:
    snn = hostile()
    write_report(snn, samples(snn), tmp_path / "r.html", [1, 2])
    text = (tmp_path / "r.html").read_text()
    own = text.split('<script type="text/plain"')[0]
    assert own.count("</script>") == 2  # those of the facts and of the page's own script
    assert "<img" not in text.split('id="plotly">')[0]
    assert HOSTILE in facts_in(text)["populations"][0]["name"]


@pytest.mark.parametrize("text", [MLP, PRODUCT])
def test_networks_without_pictures_or_classes(plotly: None, tmp_path: Path, text: str) -> None:
    snn = network(text, timesteps=2)
    data = samples(snn, 5)
    write_report(snn, Samples(data.inputs, None, 5), tmp_path / "r.html", [2])
    facts = facts_in((tmp_path / "r.html").read_text())
    assert all(one["picture"] is None for one in facts["answers"]["samples"])


def test_rate_coded_and_early_exit_runs(plotly: None, tmp_path: Path) -> None:
    snn = network(MLP, timesteps=4, dynamics="if")
    write_report(snn, samples(snn), tmp_path / "r.html", [4], early_exit="stable")
    facts = facts_in((tmp_path / "r.html").read_text())
    assert facts["figures"]["energy"] is None
    assert facts["figures"]["early_exit"] == "stable"


def test_an_existing_file_is_kept(plotly: None, tmp_path: Path) -> None:
    (tmp_path / "r.html").write_text("mine")
    snn = network(MLP)
    with pytest.raises(InputError, match="exists: choose another path"):
        write_report(snn, samples(snn), tmp_path / "r.html", [2])
    assert (tmp_path / "r.html").read_text() == "mine"


def test_without_plotly_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    snn = network(MLP)
    with pytest.raises(InputError, match=r"a report needs plotly: pip install 'onnx2snn\[report\]'"):
        write_report(snn, samples(snn), tmp_path / "r.html", [2])


@pytest.mark.parametrize(
    ("shape", "size"), [((1, 1, 8, 6), (6, 8)), ((1, 3, 200, 100), (34, 67)), ((1, 8, 6, 3), (6, 8))]
)
def test_pictures(shape: tuple, size: tuple) -> None:
    found = picture({"x": np.random.default_rng(0).normal(size=shape).astype(np.float32)})
    assert found is not None
    assert (found["width"], found["height"]) == size


@pytest.mark.parametrize(
    "value", [np.zeros((4, 10)), np.zeros((1, 5, 8, 8)), np.zeros((1, 3, 2, 9)), np.zeros((1, 8, 8))]
)
def test_what_is_no_picture(value: np.ndarray) -> None:
    assert picture({"x": value}) is None
    assert picture({"x": np.zeros((1, 3, 8, 8)), "y": np.zeros(3)}) is None
