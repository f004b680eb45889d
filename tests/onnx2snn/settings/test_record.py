"""What a conversion records of its settings repeats it."""

from pathlib import Path

import numpy as np
import onnx
import pytest

import onnx2snn
from onnx2snn.settings import ConversionSettings, SpikeSettings
from onnx2snn_runtime.ir.schema import PREFIX

CHANGED = {
    "graded": {"levels": 6, "mantissa": 0, "scale": "channel", "samples": 20, "seed": 3, "tolerance": 0.001},
    "signs": {"dynamics": "signgd", "schedule_options": {"decay": 0.9}, "delay": 1, "timesteps": 6},
    "elementwise": {"neurons": "elementwise", "encoder": "differential", "adapt": False},
    "plain": {},
}


@pytest.mark.parametrize("name", CHANGED)
def test_the_record_of_a_file_gives_the_file_again(
    name: str, network: onnx.ModelProto, features: np.ndarray, tmp_path: Path
) -> None:
    paths = tmp_path / "a.snn.onnx", tmp_path / "b.snn.onnx"
    first = onnx2snn.convert(network, features, **CHANGED[name])
    first.save(paths[0])
    recorded = ConversionSettings.from_tables(onnx2snn.load(paths[0]).defaults.settings)
    assert recorded == first.conversion.settings == ConversionSettings().updated(**CHANGED[name])
    onnx2snn.convert(network, features, settings=recorded).save(paths[1])
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_objects_convert_as_keywords_do(network: onnx.ModelProto, features: np.ndarray) -> None:
    made = [
        onnx2snn.convert(network, features, spikes=SpikeSettings(levels=9, timesteps=3), adapt=False),
        onnx2snn.convert(network, features, levels=9, timesteps=3, adapt=False),
    ]
    assert made[0].proto.SerializeToString() == made[1].proto.SerializeToString()


def test_a_file_without_a_record(network: onnx.ModelProto, features: np.ndarray, tmp_path: Path) -> None:
    snn = onnx2snn.convert(network, features, adapt=False)
    kept = [entry for entry in snn.proto.metadata_props if entry.key != PREFIX + "settings"]
    assert len(kept) == len(snn.proto.metadata_props) - 1
    expected = snn(features)
    del snn.proto.metadata_props[:]
    snn.proto.metadata_props.extend(kept)
    onnx.save(snn.proto, tmp_path / "old.snn.onnx")
    old = onnx2snn.load(tmp_path / "old.snn.onnx")
    assert old.defaults.settings == {}
    np.testing.assert_array_equal(old(features), expected)
