"""Dead zones that are found on sequences keep to the target, and save operations, on others."""

import numpy as np
import pytest

import onnx2snn
from onnx2snn.fitting.sequences.clips import divided, make_clip, reference
from onnx2snn.fitting.sequences.search import Choice, Search
from onnx2snn.fitting.sequences.trials import ONE_PASS, Passes, StreamPoint, Trier, said
from onnx2snn.fitting.sequences.tuning import frontier, tune_stream
from onnx2snn.settings.sequences import SequenceSettings
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.model import SpikingModel
from tests.onnx2snn.front_end import floats, network

BODY = "a = Gemm(x, w, b)  h = Relu(a)  d = Gemm(h, v)  t = Tanh(d)  y = Gemm(t, u, c)"
PLAIN = network(BODY, v=floats(8, 8, seed=5) / 3)
X = floats(32, 4, seed=4)


def moving(samples: int, seed: int = 0, frames: int = 16) -> np.ndarray:
    draw = np.random.default_rng(seed)
    one, other = draw.normal(size=(2, samples, 4))
    share = np.linspace(0, 1, frames)[:, None, None]
    return ((1 - share) * one + share * other + draw.normal(0, 0.01, (frames, samples, 4))).astype(np.float32)


@pytest.fixture
def snn() -> SpikingModel:
    return onnx2snn.convert(PLAIN, X, encoder="differential", adapt=False, timesteps=1)


def test_fewer_operations_within_the_error(snn: SpikingModel) -> None:
    found = tune_stream(snn, moving(12), target_error=0.1, timesteps=2, budget=3)
    assert found.reached
    assert found.held_back.relative_error <= 0.1
    assert found.chosen.operations < 0.75 * found.before.operations
    assert snn.defaults.timesteps == found.chosen.steps
    assert set(found.zones) == {"x", *snn.population_names()}
    trier = Trier(snn)
    there = trier.look(make_clip(snn, moving(20, seed=9)), found.zones, found.chosen.steps)
    assert there.relative_error < 0.15
    assert there.advantage > 0.8 * found.chosen.advantage
    costs = [point.operations for point in found.frontier]
    assert costs == sorted(costs)
    assert all(a.relative_error > b.relative_error for a, b in zip(found.frontier, found.frontier[1:], strict=False))


def test_what_is_held_back_decides(snn: SpikingModel, monkeypatch: pytest.MonkeyPatch) -> None:
    look = Trier.look

    def elsewhere(self, clip, zones, steps, setting="", passes=ONE_PASS):
        point = look(self, clip, zones, steps, setting, passes)
        return point if setting else StreamPoint(**{**vars(point), "relative_error": 1.0})

    monkeypatch.setattr(Trier, "look", elsewhere)
    found = tune_stream(snn, moving(8), target_error=0.2, timesteps=1, budget=1)
    assert not found.reached
    assert found.held_back.relative_error == 1.0


def test_a_judge_says_what_an_error_is(snn: SpikingModel) -> None:
    def worst(expected, found):
        return max(float(np.abs(a - b).max()) for a, b in zip(expected, found, strict=True))

    found = tune_stream(snn, moving(8), judge=worst, target_error=0.5, timesteps=1, budget=1.5)
    assert found.reached
    assert 0 < found.chosen.relative_error <= 0.5


def test_an_agreement_is_kept_to(snn: SpikingModel) -> None:
    found = tune_stream(snn, moving(16), target_agreement=0.9, timesteps=1, budget=1.5)
    assert found.reached
    assert found.held_back.agreement >= 0.9
    assert (snn.defaults.coarse, snn.defaults.margin) == (found.chosen.passes.coarse, found.chosen.passes.margin)


def test_unsure_frames_alone_take_a_fine_pass(snn: SpikingModel) -> None:
    trier, clip = Trier(snn), make_clip(snn, moving(12))
    zones = dict.fromkeys(["x", *snn.population_names()], 0.02)
    plain = np.sort(np.stack(reference(snn, clip, "y")), -1)
    margins = trier.margins(clip)
    np.testing.assert_allclose(margins, np.sort((plain[..., -1] - plain[..., -2]).ravel()), rtol=1e-6)
    fine, both, wide = (
        trier.look(clip, zones, 1, passes=passes)
        for passes in (ONE_PASS, Passes(3, float(np.quantile(margins, 0.2))), Passes(3, 0.0))
    )
    assert fine.refined == wide.refined == 0 < both.refined < 0.6
    assert wide.operations < both.operations < fine.operations
    assert wide.relative_error > both.relative_error > fine.relative_error
    trier.put(zones)
    assert (snn.defaults.coarse, snn.defaults.margin) == (0, 0.0)


def test_octaves_and_margin_are_found_one_after_the_other(snn: SpikingModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def raised(self, shares, steps, begin):
        octaves, margin = self.passes.coarse, self.passes.margin
        cost = 10.0 + abs(octaves - 2) + abs(np.log2(margin / 8))
        point = StreamPoint(1, cost, 100.0, 0.0, 0.1, 1.0, 0.0, 0.0, 0.0, 0.0, passes=self.passes)
        return Choice({}, 1, point, self.passes)

    monkeypatch.setattr(Search, "raised", raised)
    monkeypatch.setattr(Trier, "margins", lambda self, clip: np.ones(3))
    search = Search(Trier(snn), make_clip(snn, moving(2)), SequenceSettings(target_agreement=0.9), lambda *_: None)
    start = Choice({}, 1, StreamPoint(1, 50.0, 100.0, 0.0, 0.1, 1.0, 0.0, 0.0, 0.0, 0.0))
    assert search.coarsen(start).passes == search.passes == Passes(2, 8.0)
    start = Choice({}, 1, StreamPoint(1, 5.0, 100.0, 0.0, 0.1, 1.0, 0.0, 0.0, 0.0, 0.0))
    assert search.coarsen(start) is start
    assert search.passes == ONE_PASS


def test_one_sequence_is_halved_in_time(snn: SpikingModel) -> None:
    seen, held = divided(snn, make_clip(snn, moving(1)))
    assert (seen.length, held.length) == (8, 8)
    np.testing.assert_array_equal(np.concatenate([seen.frames["x"], held.frames["x"]]), moving(1))
    seen, held = divided(snn, make_clip(snn, {"x": moving(8)}))
    assert (seen.frames["x"].shape, held.frames["x"].shape) == ((16, 6, 4), (16, 2, 4))


def test_the_plain_network_frame_by_frame(snn: SpikingModel) -> None:
    clip = make_clip(snn, moving(3))
    made = reference(snn, clip, "y")
    fine = snn.stream(timesteps=24)
    for t, expected in enumerate(made):
        np.testing.assert_allclose(fine(clip.frame(t)), expected, atol=0.05)


@pytest.mark.parametrize(
    ("zone", "expected"), [(0.0, (16, 3)), (0.02, (6, 4)), (0.03125, (5, 4)), (0.4, (2, 6)), (3.0, (1, 7))]
)
def test_the_bits_of_a_payload_stay(zone: float, expected: tuple[int, int]) -> None:
    levels, mantissa = said(zone, 16, 3)
    assert (levels, mantissa) == expected
    assert (levels - 1).bit_length() + mantissa == 7


def test_the_frontier() -> None:
    def point(operations: float, error: float, agreement: float = 1.0) -> StreamPoint:
        return StreamPoint(1, operations, 100.0, 0.0, error, agreement, 0.0, 0.0, 0.0, 0.0)

    points = [point(5, 0.1, 0.9), point(3, 0.2, 0.95), point(4, 0.3), point(9, 0.05)]
    assert [p.operations for p in frontier(points)] == [3, 5, 9]
    assert [p.operations for p in frontier(points, by_agreement=True)] == [3, 4]
    assert point(25, 0.1).advantage == 4.0


def test_groups_go_from_front_to_back(snn: SpikingModel) -> None:
    search = Search(Trier(snn), make_clip(snn, moving(2)), SequenceSettings(), lambda *_: None)
    assert search.groups() == [["x"], *([name] for name in snn.population_names())]
    low, high = (StreamPoint(1, n, 9.0, 0.0, e, None, 0.0, 0.0, 0.0, 0.0) for n, e in ((5.0, 0.01), (3.0, 0.5)))
    assert search.key(Choice({}, 1, low)) < search.key(Choice({}, 1, high))


def test_what_makes_no_sense(snn: SpikingModel) -> None:
    with pytest.raises(InputError, match=r"these are no sequences \(x \(3, 8, 4\)\): give 4 frames or more"):
        tune_stream(snn, moving(8)[:3])
    with pytest.raises(InputError, match="the sequences lack the input 'x': give"):
        tune_stream(snn, {"z": moving(8)})
    with pytest.raises(InputError, match="a search on sequences has no setting 'target': "):
        tune_stream(snn, moving(8), target=3)
    for keyword, value, sentence in (
        ("target_error", -1.0, "the target error is -1: give a number above 0"),
        ("target_agreement", 1.5, "the target agreement is 1.5: give a share above 0"),
        ("timesteps", 0, "timesteps is 0: give 1 or more a frame"),
        ("budget", 0.0, "the budget is 0 s: give a number above 0"),
    ):
        with pytest.raises(InputError, match=sentence):
            tune_stream(snn, moving(8), **{keyword: value})
    snn.set_defaults(dynamics="signgd")
    with pytest.raises(InputError, match="the dynamics 'signgd' has no dead zone: fit streams of differential"):
        tune_stream(snn, moving(8))
