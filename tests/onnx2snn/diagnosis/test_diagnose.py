"""Who errs first, why, and what mends it: on networks that were broken on purpose."""

from collections.abc import Callable

import numpy as np
import pytest

import onnx2snn
from onnx2snn.data.readers import Samples
from onnx2snn.diagnosis.causes import LEVELS, MANTISSA, MANY, RANGE, SCALE, STEPS
from onnx2snn.diagnosis.diagnose import Diagnosis, diagnose
from onnx2snn.diagnosis.remedies import recalibrated
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.model import SpikingModel
from tests.onnx2snn.front_end import floats, network

DEEP = """a = Gemm(x, w, b)  p = Relu(a)  z = MatMul(p, v)  q = Tanh(z)  d = MatMul(q, s)  r = Relu(d)
e = MatMul(r, t)  o = Tanh(e)  y = Gemm(o, u, c)"""
WEIGHTS = {name: floats(8, 8, seed=seed) for seed, name in enumerate("vst", 10)}
X = floats(64, 4, seed=7)


def samples(count: int = 16) -> Samples:
    return Samples({"x": X[:count]}, None, count)


@pytest.fixture(scope="module")
def converted() -> SpikingModel:
    return onnx2snn.convert(network(DEEP, **WEIGHTS), X, adapt=False)


@pytest.fixture
def snn(converted: SpikingModel) -> SpikingModel:
    """Return a copy to break, with four populations."""
    return SpikingModel(type(converted.proto).FromString(converted.proto.SerializeToString()))


def divide(snn: SpikingModel, index: int, by: float) -> str:
    name = snn.population_names()[index]
    snn.set_population(name, scale=snn.program.attributes(name).scale / by)
    return name


def calibrate_low(snn: SpikingModel, index: int) -> str:
    """Give a population what calibration on far too small samples would have given it."""
    name = snn.population_names()[index]
    seen = recalibrated(snn, {"x": X * np.float32(1e-3)})[name]
    own = snn.program.attributes(name)
    factor = min(float(seen.maximum), own.maximum / 40) / own.maximum
    scale = 2.0 ** np.ceil(np.log2(own.maximum * factor))
    snn.set_population(name, scale=np.float32(scale), maximum=own.maximum * factor, rms=own.rms * factor)
    return name


def reasons(found: Diagnosis) -> list[tuple[str | None, str]]:
    return [(one.why.population, one.why.reason) for one in found.findings]


def test_a_sound_network_needs_no_mending(snn: SpikingModel) -> None:
    found = diagnose(snn, samples())
    assert found.healthy
    assert found.findings == []
    assert [one.name for one in found.measured.populations] == snn.population_names()
    assert all(one.at[2].own_error < 0.02 and one.at[2].saturated == 0 for one in found.measured.populations)


@pytest.mark.parametrize("index", range(4))
def test_a_scale_divided_by_100_is_named_and_mended(snn: SpikingModel, index: int) -> None:
    name = divide(snn, index, 100)
    found = diagnose(snn, samples())
    assert found.error > 0.3
    assert reasons(found) == [(name, SCALE)]
    chosen = found.findings[0].chosen
    assert chosen is not None
    assert "as these data give it" in chosen.remedy.words
    assert found.mended <= found.tolerance
    assert onnx2snn_error(snn) <= found.tolerance
    assert found.measured.of(name).at[2].saturated > 0.2
    namespace = {"snn": snn}
    for line in chosen.remedy.python():  # what is shown is what was done
        exec(line, namespace)
    assert onnx2snn_error(snn) <= found.tolerance


def onnx2snn_error(snn: SpikingModel) -> float:
    """Return the relative error by the command that others measure with."""
    from onnx2snn.evaluation.evaluation import evaluate

    found = evaluate(snn, samples(), [2])["timesteps"]["2"]["relative_error"]
    assert found is not None
    return float(found)


@pytest.mark.parametrize("index", range(4))
def test_a_range_unseen_in_calibration_is_named_and_mended(snn: SpikingModel, index: int) -> None:
    name = calibrate_low(snn, index)
    found = diagnose(snn, samples())
    assert reasons(found) == [(name, RANGE)]
    assert "unseen in calibration" in found.findings[0].why.sentence
    assert found.mended <= found.tolerance


def test_two_broken_populations_are_mended_one_after_the_other(snn: SpikingModel) -> None:
    first, second = divide(snn, 1, 100), calibrate_low(snn, 3)
    found = diagnose(snn, samples())
    assert reasons(found) == [(first, SCALE), (second, RANGE)]
    assert found.mended <= found.tolerance < found.error


def test_without_mending_the_network_stays_as_it_was(snn: SpikingModel) -> None:
    name = divide(snn, 1, 100)
    before = snn.program.attributes(name)
    found = diagnose(snn, samples(), mend=False)
    assert found.mended <= found.tolerance
    assert snn.program.attributes(name) == before
    assert snn.defaults.timesteps == 2


@pytest.mark.parametrize(
    ("changes", "reason"), [({"levels": 2, "scale": 64.0}, LEVELS), ({"mantissa": 0, "levels": 12}, None)]
)
def test_spikes_that_are_too_coarse(snn: SpikingModel, changes: dict, reason: str | None) -> None:
    name = snn.population_names()[1]
    snn.set_population(name, **changes)
    found = diagnose(snn, samples(), timesteps=[2])
    assert reasons(found)[0] == (name, reason or MANTISSA)
    assert found.mended <= found.tolerance


def test_too_few_steps(snn: SpikingModel) -> None:
    name = snn.population_names()[2]
    snn.set_population(name, mantissa=0, levels=16)
    found = diagnose(snn, samples(), timesteps=[1, 2, 4, 8])
    assert reasons(found)[0] == (name, STEPS)
    assert found.mended <= found.tolerance


def test_errors_of_all_populations_have_no_one_to_blame(snn: SpikingModel) -> None:
    for name in snn.population_names():
        snn.set_population(name, mantissa=0, levels=6)
    found = diagnose(snn, samples())
    assert reasons(found)[0] == (None, MANY)
    assert "no population stands out" in found.findings[0].why.sentence
    assert found.mended <= found.tolerance
    assert found.findings[0].chosen is not None
    assert "--levels 24" in found.findings[0].chosen.remedy.command


def test_what_nothing_mends_ends_without_a_choice(snn: SpikingModel) -> None:
    found = diagnose(snn, samples(4), timesteps=[2], tolerance=1e-12)
    assert found.findings[-1].chosen is None
    assert all(not trial.mends for trial in found.findings[-1].trials)
    assert found.mended > found.tolerance


@pytest.mark.parametrize("payload", ["ternary", "binary"])
def test_spikes_of_one_size(payload: str) -> None:
    snn = onnx2snn.convert(network(DEEP, **WEIGHTS), X, payload=payload, timesteps=8, adapt=False)
    name = divide(snn, 1, 100)
    found = diagnose(snn, samples(), timesteps=[8], tolerance=0.3)
    assert reasons(found)[0] == (name, SCALE)
    assert found.findings[0].chosen is not None
    assert found.measured.of(name).at[found.timesteps].saturated > 0.2


def test_rate_coded_neurons() -> None:
    body = "a = Gemm(x, w, b)  h = Relu(a)  z = MatMul(h, v)  g = Relu(z)  y = MatMul(g, u)"
    snn = onnx2snn.convert(network(body, v=WEIGHTS["v"]), X, payload="unary", timesteps=16, adapt=False)
    name = divide(snn, 0, 100)
    found = diagnose(snn, samples(), timesteps=[8], tolerance=0.3)
    assert reasons(found)[0] == (name, SCALE)
    assert found.findings[0].chosen is not None


def test_inputs_that_vary_in_time_are_refused(snn: SpikingModel) -> None:
    moving = Samples({"x": np.stack([X[:4]] * 8)}, None, 4)
    with pytest.raises(InputError, match="varies in time"):
        diagnose(snn, moving)


def test_json_holds_everything(snn: SpikingModel, plain: Callable) -> None:
    name = divide(snn, 1, 100)
    found = plain(diagnose(snn, samples()).as_dict())
    assert found["findings"][0]["population"] == name
    assert found["findings"][0]["mended_by"]["mends"] is True
    assert set(found["populations"][0]["at"]) == {"1", "2", "4", "8"}


@pytest.fixture
def plain() -> Callable:
    from onnx2snn.cli.console import plain as as_json

    return as_json


def test_the_fewest_steps_that_are_known_to_do_are_tried(snn: SpikingModel) -> None:
    snn.set_population(snn.population_names()[2], mantissa=0, levels=16)
    found = diagnose(snn, samples(), timesteps=[1, 2, 3, 4, 5, 6, 7, 8], mend=False)
    enough = min(t for t, error in found.measured.errors.items() if t > 2 and error <= found.tolerance)
    assert enough < 8
    tried = [trial.remedy.timesteps for trial in found.findings[0].trials if trial.remedy.timesteps]
    assert tried == [enough]
    assert found.tried_on == 4
