"""Where the members of tar archives lie: read from their headers once, kept as arrays of offsets."""

import posixpath
import tarfile
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from onnx2snn.data.folders import is_image
from onnx2snn_runtime.errors import InputError

COMPRESSED = (".gz", ".tgz", ".zst", ".bz2", ".xz")


def compressed(shard: Path) -> InputError:
    """Return the error for a compressed archive."""
    return InputError(
        f"the archive {str(shard)!r} is compressed, and samples are read at their places: unpack it to a .tar"
    )


@dataclass
class TarIndex:
    """Samples of WebDataset: members that follow each other and share a name up to the first dot behind the folder.

    `keys` are these names, `shard` the archive of each sample, `members` by extension the offset and size of what it
    has, -1 for what it lacks.
    """

    shards: list[str]
    keys: list[str] = field(default_factory=list)
    shard: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    members: dict[str, np.ndarray] = field(default_factory=dict)

    def bytes_of(self, place: int, extension: str) -> bytes:
        """Return what the sample at `place` has under `extension`; one that lacks it raises InputError."""
        offset, size = self.members[extension][place]
        shard = self.shards[self.shard[place]]
        if offset < 0:
            raise InputError(f"the sample {self.keys[place]!r} in {shard!r} has no .{extension}: leave it out")
        try:
            with open(shard, "rb") as file:
                file.seek(offset)
                found = file.read(size)
        except OSError as error:
            raise InputError(f"the archive {shard!r} cannot be read ({error.strerror or error})") from error
        if len(found) < size:
            raise InputError(f"the archive {shard!r} is truncated at {self.keys[place]!r}: copy it again")
        return found

    def described(self, place: int, extension: str) -> str:
        """Return the member as messages name it."""
        return f"'{self.keys[place]}.{extension}' in {self.shards[self.shard[place]]!r}"


def index_of(shards: Sequence[Path]) -> TarIndex:
    """Return the index of `shards`, in their order; what is damaged, compressed or empty raises InputError."""
    index = TarIndex([str(shard) for shard in shards])
    places: dict[str, tuple[array[int], array[int]]] = {}  # of the samples that have it; offset and size of each
    owners = array("i")
    for number, shard in enumerate(shards):
        before, known = "", set[str]()
        for name, offset, size in _members(shard):
            key, extension = _parts(name)
            if key != before or not known:
                if key in known:
                    raise InputError(
                        f"{str(shard)!r} holds members of {key!r} in two places: pack it anew, the members of a sample "
                        "next to each other"
                    )
                known.add(key)
                index.keys.append(key)
                owners.append(number)
            before = key
            at, spans = places.setdefault(extension, (array("q"), array("q")))
            if at and at[-1] == len(owners) - 1:
                raise InputError(f"{str(shard)!r} holds {name!r} twice: pack it anew, with every file once")
            at.append(len(owners) - 1)
            spans.extend((offset, size))
    index.shard = np.array(owners, np.int32)
    for extension, (at, spans) in places.items():
        table = np.full((len(owners), 2), -1, np.int64)
        table[np.array(at)] = np.array(spans).reshape(-1, 2)
        index.members[extension] = table
    return index


def _members(shard: Path) -> Iterator[tuple[str, int, int]]:
    """Yield name, offset and size of every file in `shard`, without holding the headers; hard links are their files."""
    held: dict[str, tuple[int, int]] = {}
    try:
        with tarfile.open(shard, "r:") as archive:
            while (member := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined] # else all headers stay in memory
                name, span = member.name, (member.offset_data, member.size)
                if member.isreg() and not member.issparse():
                    held[name] = span
                elif member.islnk() or member.issym():  # tar keeps a file with several names once
                    found = held.get(_target(member))
                    if found is None and not is_image(name.rsplit("/", 1)[-1]):
                        continue
                    if found is None:
                        raise InputError(
                            f"{name!r} in {str(shard)!r} is a link to {member.linkname!r}, which is not before it: "
                            "pack the files themselves (tar --dereference --hard-dereference)"
                        )
                    span = found
                else:
                    continue
                if not name.rsplit("/", 1)[-1].startswith("."):
                    yield name.removeprefix("./"), *span
            _check_end(shard, archive.offset)
    except (tarfile.TarError, OSError, EOFError) as error:
        with open(shard, "rb") as file:
            start = file.read(4)
        if start[:2] in (b"\x1f\x8b", b"BZ") or start == b"\xfd7zX" or start == b"\x28\xb5\x2f\xfd":
            raise compressed(shard) from error
        raise InputError(f"the archive {str(shard)!r} is damaged or truncated ({error}): copy it again") from error


def _target(member: tarfile.TarInfo) -> str:
    """Return the name of the member that a link stands for: symbolic ones are relative to their folder."""
    if member.islnk():
        return member.linkname
    return posixpath.normpath(posixpath.join(posixpath.dirname(member.name), member.linkname))


def _check_end(shard: Path, offset: int) -> None:
    """Raise ReadError where there is no block of zeros at `offset`, where tarfile ends, be it for a bad header."""
    with open(shard, "rb") as file:
        file.seek(offset)
        block = file.read(tarfile.BLOCKSIZE)
    if block != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError(f"its end is missing at byte {offset}")


def _parts(name: str) -> tuple[str, str]:
    """Return the key of a member, its folder included, and its extension, which begins at the first dot."""
    folder, slash, base = name.rpartition("/")
    stem, _, extension = base.partition(".")
    return folder + slash + stem, extension.lower()
