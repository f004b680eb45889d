"""Makes magika.onnx, file types from bytes, and the bytes of real files: `python -m models.real.magika --out DIR`.

The network is the one inside the package magika (Google, Apache-2.0), trained with JAX and exported through TensorFlow.
It sees the first and the last 1,024 bytes of a file, white space stripped, as the integers 0 to 255; 256 fills up
what a short file lacks, behind its beginning and before its end.
"""

import itertools
import json
import shutil
import sysconfig
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import numpy as np

from models.export import predict
from models.real.common import need, out_option, save

FILES = 320
CALIBRATION_FILES = 32


def read_ends(path: Path, block: int) -> tuple[bytes, bytes]:
    """Return up to `block` bytes of the file from its beginning, and as many from its end."""
    with path.open("rb") as file:
        first = file.read(block)
        file.seek(max(0, path.stat().st_size - block))
        return first, file.read(block)


def encode(first: bytes, last: bytes, config: dict) -> np.ndarray | None:
    """Return the network's input, int32 `[2048]`, or None where the file is too short to ask the network about."""
    begin = first.lstrip()[: config["beg_size"]]
    end = last.rstrip()[-config["end_size"] :]
    if len(begin) < config["min_file_size_for_dl"]:
        return None
    row = np.full(config["beg_size"] + config["end_size"], config["padding_token"], np.int32)
    row[: len(begin)] = np.frombuffer(begin, np.uint8)
    row[len(row) - len(end) :] = np.frombuffer(end, np.uint8)
    return row


def by_turns(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the paths so that the extensions take turns, each in alphabetical order."""
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(paths):
        groups[path.suffix.lower()].append(path)
    for turn in itertools.zip_longest(*(groups[suffix] for suffix in sorted(groups))):
        yield from (path for path in turn if path is not None)


def collect(folders: Iterable[Path], count: int, config: dict) -> tuple[np.ndarray, list[Path]]:
    """Return the inputs of the first `count` different files under the folders, and their paths."""
    found = {path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}
    rows: dict[bytes, np.ndarray] = {}
    kept = []
    for path in by_turns(found):
        row = encode(*read_ends(path, config["block_size"]), config)
        if row is not None and row.tobytes() not in rows:
            rows[row.tobytes()] = row
            kept.append(path)
        if len(kept) == count:
            return np.stack(list(rows.values())), kept
    raise click.ClickException(f"only {len(kept)} of the {count} files needed were found: name more folders")


def python_folders() -> list[Path]:
    """Return the folders of the running Python's library, packages and headers."""
    return [Path(folder) for name, folder in sysconfig.get_paths().items() if name in ("stdlib", "purelib", "include")]


@click.command()
@out_option()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path, exists=True, file_okay=False))
def main(out: Path, folders: tuple[Path, ...]) -> None:
    """Write magika.onnx, and magika_files.npz and magika_calibration.npz from the files in FOLDERS.

    Without FOLDERS the files of the Python installation are taken.
    """
    package = need("magika", "pip install --no-deps magika")
    model = max(Path(package.__file__).parent.glob("models/standard_*/model.onnx"))
    config = json.loads((model.parent / "config.min.json").read_text())
    shutil.copyfile(model, out / "magika.onnx")
    rows, paths = collect(folders or python_folders(), FILES + CALIBRATION_FILES, config)
    # Every eleventh file is for calibration, so that both sets hold all kinds.
    calibrating = np.arange(len(rows)) % (len(rows) // CALIBRATION_FILES) == 0
    save(out / "magika_files.npz", bytes=rows[~calibrating])
    save(out / "magika_calibration.npz", bytes=rows[calibrating])
    classes = predict(out / "magika.onnx", {"bytes": rows}).argmax(1)
    answers = Counter((path.suffix, config["target_labels_space"][i]) for path, i in zip(paths, classes, strict=True))
    print(", ".join(f"{suffix or 'no extension'} -> {label} x {n}" for (suffix, label), n in answers.most_common(40)))


if __name__ == "__main__":
    main()
