"""The settings of a conversion: their values, tables and keywords."""

import json
import subprocess
import sys
from typing import Any, get_type_hints

import numpy as np
import pytest

import onnx2snn
from onnx2snn.settings import (
    AdaptationSettings,
    ConversionSettings,
    Keywords,
    NetworkSettings,
    RangeSettings,
    SpikeSettings,
    collect,
)
from onnx2snn.settings.conversion import OWNERS, PARTS, changed
from onnx2snn_runtime.errors import InputError


def test_defaults_are_those_of_the_keywords() -> None:
    flat = {
        "payload": None, "bits": None, "dynamics": None, "dynamics_options": {}, "schedule": None,
        "schedule_options": {}, "levels": None, "mantissa": None, "timesteps": None, "neurons": "region",
        "encoder": "direct", "delay": 0, "scale": None, "range": None, "samples": None, "seed": 0, "adapt": True,
        "tolerance": None, "budget": 60.0,
    }  # fmt: skip
    settings = collect(None, {})
    assert settings == ConversionSettings()
    assert {name: settings.get(name) for name in flat} == flat
    assert set(flat) <= set(OWNERS)


def test_every_setting_is_a_keyword() -> None:
    assert set(get_type_hints(Keywords)) == {*PARTS, *OWNERS}


def test_objects_and_keywords_say_the_same() -> None:
    objects: dict[str, Any] = {
        "spikes": SpikeSettings(dynamics="signgd", dynamics_options={"momentum": 0.5}, timesteps=9),
        "network": NetworkSettings(delay=1),
        "ranges": RangeSettings(scale="channel", samples=3),
        "adaptation": AdaptationSettings(adapt=False),
    }
    flat = {"dynamics": "signgd", "dynamics_options": {"momentum": 0.5}, "timesteps": 9, "delay": 1}
    flat |= {"scale": "channel", "samples": 3, "adapt": False}
    whole = ConversionSettings(**objects)
    assert collect(None, objects) == collect(None, flat) == collect(whole, {}) == collect(whole, flat) == whole
    assert collect(None, {"dynamics_options": None, "spikes": None}) == ConversionSettings()


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        ({"levles": 3}, "a conversion has no setting 'levles': did you mean 'levels'?"),
        ({"xyz": 3}, "a conversion has no setting 'xyz': it knows spikes, network, "),
        (
            {"levels": 8, "spikes": SpikeSettings()},
            "levels is None in spikes and 8 in a keyword of its own: give it once",
        ),
        ({"spikes": {"levels": 8}}, r"spikes is \{'levels': 8\}: give an object of SpikeSettings"),
        ({"spikes": RangeSettings()}, r"spikes is RangeSettings\(.*: give an object of SpikeSettings"),
    ],
)
def test_keywords_that_do_not_go(keywords: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        collect(None, keywords)


def test_settings_that_contradict_a_keyword_or_a_part() -> None:
    settings = ConversionSettings(spikes=SpikeSettings(levels=8))
    assert collect(settings, {"levels": 8}) == settings
    with pytest.raises(InputError, match="levels is 8 in settings and 9 in a keyword of its own: give it once"):
        collect(settings, {"levels": 9})
    with pytest.raises(InputError, match="levels is 8 in settings and None in spikes: give it once"):
        collect(settings, {"spikes": SpikeSettings()})
    with pytest.raises(InputError, match="settings is 3: give an object of ConversionSettings"):
        collect(3, {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("levels", "many", "levels is 'many': give a whole number"),
        ("levels", 1.5, "levels is 1.5: give a whole number"),
        ("levels", True, "levels is True: give a whole number"),
        ("tolerance", "1%", "tolerance is '1%': give a number"),
        ("adapt", "no", "adapt is 'no': give true or false"),
        ("dynamics", 3, "dynamics is 3: give a text"),
        ("dynamics_options", [1], r"dynamics_options is \[1\]: give values by name"),
        ("samples", "all", "samples is 'all': give a whole number"),
    ],
)
def test_values_of_another_type(name: str, value: object, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        ConversionSettings().updated(**{name: value})


def test_numbers_of_numpy_become_plain() -> None:
    options = {"momentum": np.float64(0.5), "steps": (1, np.arange(2))}
    given = {"levels": np.int64(3), "tolerance": np.float32(0.5), "dynamics_options": options}
    settings = ConversionSettings().updated(**given)
    assert json.loads(json.dumps(settings.tables())) == settings.tables()
    assert settings.spikes.dynamics_options == {"momentum": 0.5, "steps": [1, [0, 1]]}
    assert (type(settings.spikes.levels), type(settings.adaptation.tolerance)) == (int, float)


def test_a_copy_with_changes() -> None:
    settings = ConversionSettings().updated(levels=8, delay=1)
    assert (settings.spikes.levels, settings.network.delay, settings.spikes.mantissa) == (8, 1, None)
    with pytest.raises(InputError, match="a conversion has no setting 'level': did you mean 'levels'"):
        settings.updated(level=3)
    with pytest.raises(AttributeError):
        settings.spikes.levels = 3  # type: ignore[misc]


def test_tables_are_read_as_written() -> None:
    settings = ConversionSettings().updated(levels=8, samples=9, schedule_options={"decay": 0.9})
    assert ConversionSettings.from_tables(json.loads(json.dumps(settings.tables()))) == settings
    assert ConversionSettings.from_tables({"spikes": {"levels": 8}}) == ConversionSettings().updated(levels=8)


def test_what_is_not_at_its_default() -> None:
    assert changed(ConversionSettings().tables()) == {}
    assert changed(ConversionSettings().updated(delay=1, levels=8).tables()) == {"levels": 8, "delay": 1}
    assert changed({"later": {"new": 1}}) == {"new": 1}


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"spike": {}}, "a.toml holds no table of settings 'spike': did you mean 'spikes'?"),
        ({"levels": 8}, r"'levels' stands outside the tables of a.toml: put it into \[spikes\]"),
        ({"spikes": 8}, r"'spikes' in a.toml is 8: write a table of settings, \[spikes\]"),
        ({"spikes": {"levles": 8}}, r"\[spikes\] of a.toml has no setting 'levles': did you mean 'levels'?"),
        ({"spikes": {"seed": 8}}, r"'seed' stands in \[spikes\] of a.toml: put it into \[ranges\]"),
        ({"spikes": {"levels": 0}}, "a.toml: levels is 0: give 1 to 100 levels"),
    ],
)
def test_tables_that_cannot_be_read(tables: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        ConversionSettings.from_tables(tables, "a.toml")


def test_settings_bring_no_torch() -> None:
    code = "import sys, onnx2snn.settings; print('torch' in sys.modules, 'onnxruntime' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "False False\n"
    assert onnx2snn.ConversionSettings is ConversionSettings
