"""The settings that docs/convert.md shows are the defaults, all of them."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

from onnx2snn.settings import ConversionSettings
from onnx2snn.settings.payload import PAYLOADS

PAGE = Path(__file__).parents[2] / "docs" / "convert.md"


def test_the_file_of_the_page_shows_every_setting_and_its_default() -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    shown = ConversionSettings.from_tables(tomllib.loads(text))
    plain, payload = ConversionSettings(), PAYLOADS["graded"]
    assert shown.network == plain.network
    assert shown.spikes.resolved() == replace(plain.spikes.resolved(), fits_timesteps=False, fits_bits=False)
    assert shown.ranges == replace(plain.ranges.following(payload.scale, payload.range), samples=64)
    assert shown.adaptation == replace(plain.adaptation, tolerance=payload.tolerance)
    assert {part: set(table) for part, table in tomllib.loads(text).items()} == {
        part: set(table) for part, table in ConversionSettings().tables().items()
    }
