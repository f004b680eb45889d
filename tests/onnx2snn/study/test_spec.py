"""What a study file may say, and the line of what it may not."""

from pathlib import Path

import onnx
import pytest

from onnx2snn.study.jobs import jobs, left
from onnx2snn.study.spec import read_study
from onnx2snn_runtime.errors import InputError

STUDY = """\
study: small
models:
  - net.onnx
  - {name: other, file: net.onnx, data: own.npz, convert: {levels: 4}}
data: test.npz
payloads:
  - graded
  - {payload: graded, bits: 4}
  - {name: signs, payload: ternary}
timesteps: [4, 1]
seeds: [0, 3]
convert: {adapt: false}
images: {mean: [0.5]}
evaluate: {batch_size: 8}
"""


@pytest.fixture
def folder(network: onnx.ModelProto, tmp_path: Path) -> Path:
    onnx.save(network, tmp_path / "net.onnx")
    for name in ("test.npz", "own.npz"):
        (tmp_path / name).touch()
    return tmp_path


def written(folder: Path, text: str) -> Path:
    (folder / "s.yaml").write_text(text)
    return folder / "s.yaml"


def test_what_a_file_says(folder: Path) -> None:
    study = read_study(written(folder, STUDY))
    assert (study.name, study.output, study.timesteps, study.seeds) == ("small", folder / "s", [1, 4], [0, 3])
    assert [subject.name for subject in study.subjects] == ["net", "other"]
    assert study.subjects[1].data == str(folder / "own.npz")
    assert [payload.name for payload in study.payloads] == ["graded", "graded bits=4", "signs"]
    assert study.images == {"mean": (0.5,)}
    made = jobs(study)
    assert len(made) == 2 * 3 * 2
    assert {job.timesteps for job in made} == {(1, 4)}
    assert made[0].settings.get("adapt") is False
    assert {job.settings.get("levels") for job in made if job.subject.name == "other"} == {4}
    assert len({job.key(t) for job in made for t in job.timesteps}) == 24


def test_what_is_said_twice_is_run_once(folder: Path) -> None:
    study = read_study(written(folder, STUDY.replace("[0, 3]", "[3, 0, 3]").replace("[4, 1]", "[4, 1, 4]")))
    assert (study.timesteps, study.seeds) == ([1, 4], [3, 0])


def test_a_number_stands_for_several(folder: Path) -> None:
    study = read_study(written(folder, STUDY.replace("{mean: [0.5]}", "{mean: 0.5, size: 8}")))
    assert study.images == {"mean": (0.5,), "size": (8, 8)}


def test_a_conversion_for_each_number_of_time_steps(folder: Path) -> None:
    made = jobs(read_study(written(folder, STUDY + "per_timestep: true\n")))
    assert [job.timesteps for job in made[:4]] == [(1,), (4,), (1,), (4,)]
    assert [job.settings.get("timesteps") for job in made[:2]] == [1, 4]


def test_what_is_left(folder: Path) -> None:
    made = jobs(read_study(written(folder, STUDY)))
    done = {made[0].key(1), *(made[1].key(t) for t in (1, 4))}
    rest = left(made, done)
    assert len(rest) == 11
    assert rest[0].timesteps == (4,)


def test_keys_depend_on_what_makes_a_cell_and_on_nothing_else(folder: Path) -> None:
    def key(text: str) -> str:
        return jobs(read_study(written(folder, text)))[0].key(4)

    first = key(STUDY)
    assert key(STUDY.replace("timesteps: [4, 1]", "timesteps: [4, 8]").replace("study: small", "study: large")) == first
    assert key(STUDY.replace("adapt: false", "adapt: true")) != first
    assert key(STUDY.replace("batch_size: 8", "batch_size: 9")) != first
    assert key(STUDY + "samples: 3\n") != first
    (folder / "net.onnx").write_bytes((folder / "net.onnx").read_bytes() + b"\x00")
    assert key(STUDY) != first


@pytest.mark.parametrize(
    ("before", "after", "match"),
    [
        ("data: test.npz", "dat: test.npz", r"line 5 of '.*s\.yaml' has no key 'dat': did you mean 'data'\?"),
        ("data: own.npz", "datum: own.npz", r"line 4 of '.*s\.yaml' has no key 'datum'"),
        ("{adapt: false}", "\n  adapt: false\n  adopt: 1", r"line 14 of .* has no key 'adopt': did you mean 'adapt'"),
        ("adapt: false", "tolerance: -1", r"line 12 of '.*s\.yaml': .*tolerance"),
        ("bits: 4", "bits: 99", r"line 8 of '.*s\.yaml': a graded spike has 3 to 24 bits, not 99"),
        ("bits: 4", "bots: 4", r"line 8 of '.*s\.yaml': .*'bots'.*did you mean 'bits'"),
        ("  - net.onnx", "  - none.onnx", r"line 3 of '.*s\.yaml': there is no model 'none\.onnx'"),
        ("  - net.onnx", "  - {name: net}", r"line 3 of '.*s\.yaml': a model is None: give a path or a name"),
        ("name: other", "name: net", r"line 2 of '.*s\.yaml': 'models' holds 'net' twice: give one a 'name'"),
        ("[4, 1]", "[4, many]", r"line 10 of '.*s\.yaml': 'timesteps' holds 'many': give whole numbers from 1 on"),
        ("[4, 1]", "[]", r"line 10 of '.*s\.yaml': 'timesteps' is empty"),
        ("seeds: [0, 3]", "seeds: [-1]", r"line 11 of '.*s\.yaml': 'seeds' holds -1: give whole numbers from 0 on"),
        ("seeds: [0, 3]", "per_timestep: 3", r"line 11 of '.*s\.yaml': 'per_timestep' is 3: write true or false"),
        ("{mean: [0.5]}", "3", r"line 13 of '.*s\.yaml': 'images' is 3: write a table of size"),
        ("{mean: [0.5]}", "{mean: [1, 2]}", r"line 13 of '.*s\.yaml': the mean of images has 2 numbers: give 1 or 3"),
        ("{mean: [0.5]}", "{size: big}", r"line 13 of '.*s\.yaml': "),
        (
            "data: test.npz",
            "data: none.npz",
            r"line 5 of '.*s\.yaml': there is no file or folder 'none\.npz': paths are",
        ),
        ("data: own.npz", "data: 'own{0..1}.npz'", r"line 4 of '.*s\.yaml': there is no file '.*own0\.npz'"),
        ("data: own.npz", "calibration: no", r"line 4 of '.*s\.yaml': there is no file or folder"),
        ("study: small", "labels: l.csv", r"line 1 of '.*s\.yaml': there is no file or folder 'l\.csv'"),
        ("batch_size", "batch", r"line 14 of '.*s\.yaml' has no key 'batch'"),
        ("study: small", "data: x", r"line 5 of '.*s\.yaml' says 'data' again, after line 1"),
        ("study: small", "study: [", r"line \d+ of '.*s\.yaml' is no YAML"),
        ("timesteps: [4, 1]", "", r"s\.yaml' says nothing of 'timesteps': add it"),
    ],
)
def test_what_a_file_may_not_say(folder: Path, before: str, after: str, match: str) -> None:
    assert before in STUDY
    with pytest.raises(InputError, match=match):
        read_study(written(folder, STUDY.replace(before, after, 1)))


def test_files_that_are_none(folder: Path) -> None:
    with pytest.raises(InputError, match=r"no file '.*none\.yaml': check the path of the study"):
        read_study(folder / "none.yaml")
    with pytest.raises(InputError, match="holds no table: write keys"):
        read_study(written(folder, "- a\n- b\n"))
    with pytest.raises(InputError, match="says nothing of 'data': add it"):
        read_study(written(folder, STUDY.replace("data: test.npz\n", "")))
