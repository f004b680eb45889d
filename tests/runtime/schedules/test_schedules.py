"""Schedules by hand-computed values, and what they refuse."""

import pytest

from onnx2snn_runtime.errors import InputError, RegistryError
from onnx2snn_runtime.schedules.base import SCHEDULES, make_schedule

TABLE = [
    ("constant", {"initial": 0.5}, [0.5, 0.5, 0.5]),
    ("exponential", {"initial": 1.0, "decay": 0.5}, [1.0, 0.5, 0.25]),
    ("exponential", {"initial": 1.0, "decay": 0.5, "least": 0.3}, [1.0, 0.5, 0.3, 0.3]),
    ("exponential", {}, [0.15, 0.1425, 0.135375]),
    ("inverse", {}, [1.0, 1 / 2, 1 / 3]),
    ("inverse", {"initial": 2.0, "offset": 1.0}, [1.0, 2 / 3, 0.5]),
    ("sqrt", {"initial": 3.0}, [3.0, 3 / 2**0.5, 3**0.5]),
    ("polynomial", {"initial": 1.0, "horizon": 4, "power": 2.0}, [1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]),
]


@pytest.mark.parametrize(("name", "options", "values"), TABLE)
def test_step_sizes(name, options, values) -> None:
    schedule = make_schedule(name, options)
    assert [schedule(t) for t in range(1, len(values) + 1)] == pytest.approx(values, abs=1e-15)
    assert all(isinstance(schedule(t), float) for t in (1, 2, 1000))


def test_every_schedule_is_here() -> None:
    assert {name for name, _, _ in TABLE} == set(SCHEDULES)


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match="the schedule 'sqrt' has no option 'decay': it has initial"):
        make_schedule("sqrt", {"decay": 0.5})
    with pytest.raises(InputError, match="the option 'initial' of the schedule 'sqrt' is 'a': give a number"):
        make_schedule("sqrt", {"initial": "a"})
    with pytest.raises(InputError, match="the horizon of a polynomial schedule is 0: give 1 step or more"):
        make_schedule("polynomial", {"horizon": 0})
    with pytest.raises(InputError, match=r"the offset of an inverse schedule is -1\.0: give a number above -1"):
        make_schedule("inverse", {"offset": -1.0})
    with pytest.raises(InputError, match=r"the least step size of an exponential schedule is -0\.1: give 0 or more"):
        make_schedule("exponential", {"least": -0.1})
    with pytest.raises(RegistryError, match="there is no schedule 'exponentiel': did you mean 'exponential'"):
        make_schedule("exponentiel")
