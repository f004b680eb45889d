from pathlib import Path

import click
import numpy as np
import pytest

from models.real.magika import by_turns, collect, encode, read_ends

CONFIG = {"beg_size": 4, "end_size": 4, "block_size": 10, "padding_token": 256, "min_file_size_for_dl": 3}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"abcdefgh", b"abcdefgh"),
        (b"abcd" + 50 * b"." + b"wxyz", b"abcdwxyz"),
        (b"  abcdefgh\n", b"abcdefgh"),
        (b"abc", [97, 98, 99, 256, 256, 97, 98, 99]),
        (b" abc", [97, 98, 99, 256, 32, 97, 98, 99]),
        (b"abcd" + 20 * b" ", [97, 98, 99, 100, 256, 256, 256, 256]),
        (b"\xff\x00\xfe", [255, 0, 254, 256, 256, 255, 0, 254]),
    ],
)
def test_encode(content, expected, tmp_path):
    (tmp_path / "file").write_bytes(content)
    row = encode(*read_ends(tmp_path / "file", CONFIG["block_size"]), CONFIG)
    assert row.dtype == np.int32
    assert row.tolist() == list(expected)


@pytest.mark.parametrize("content", [b"", b"ab", b"        ab   ", 30 * b" " + b"abc"])
def test_a_file_of_too_few_bytes_is_left_out(content, tmp_path):
    (tmp_path / "file").write_bytes(content)
    assert encode(*read_ends(tmp_path / "file", CONFIG["block_size"]), CONFIG) is None


def test_extensions_take_turns():
    paths = [Path(name) for name in ("b.py", "a.py", "c.py", "x.c", "LICENSE")]
    assert [path.name for path in by_turns(paths)] == ["LICENSE", "x.c", "a.py", "b.py", "c.py"]


def test_collect_leaves_out_twins_and_short_files(tmp_path):
    for name, content in {"a.c": b"same", "b.c": b"same", "c.c": b"x", "d.py": b"other"}.items():
        (tmp_path / name).write_bytes(content)
    rows, paths = collect([tmp_path], 2, CONFIG)
    assert [path.name for path in paths] == ["a.c", "d.py"]
    assert rows.shape == (2, 8)
    with pytest.raises(click.ClickException, match="only 2 of the 3 files needed were found: name more folders"):
        collect([tmp_path], 3, CONFIG)
