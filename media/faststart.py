"""Fast start: a finished MP4 arranged so that it plays while it arrives, without moving its samples.

A writer learns the index (`moov`) last, so it stands at the end of the file. Players want it first. Here the index is
read back and its chunk offsets (`stco`, `co64`; ISO/IEC 14496-12, 8.7.5) are moved by its own length; whoever stores
the file then writes the new head, and after it the samples as they are.

    as written    ftyp · free · mdat header │ samples │ moov
    arranged      ftyp · moov · free · mdat header │ samples
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from media import boxes
from media.boxes import Box
from media.errors import EngineError

_OFFSETS = {b"stco": ">u4", b"co64": ">u8"}
_PARENTS = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}
_LARGEST_32 = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Arranged:
    """A file with its index in front: the bytes of `head`, then those of the file from `start` to `end`."""

    head: bytes
    start: int
    end: int

    @property
    def size(self) -> int:
        """Bytes of the whole."""
        return len(self.head) + self.end - self.start


def arrange(file: BinaryIO) -> Arranged:
    """Return the arrangement of a finished MP4 of `Mp4Writer` or of a smart cut; one that is arranged stays as it is.

    Memory is a few times the index: about 20 bytes a sample.

    Raises:
        EngineError: `bad_layout` when the file is not one block of samples and one index.
    """
    outer = list(boxes.top_level(file))
    samples, index = _only(outer, b"mdat"), _only(outer, b"moov")
    if index.start < samples.start:
        return Arranged(b"", 0, outer[-1].end)
    if outer[-1] is not index or outer[0].kind != b"ftyp":
        raise EngineError("bad_layout", "The finished file is not laid out as its writer lays it out.")
    moov = _moved(_bytes(file, index.start, index.end), samples.end)
    brand = _bytes(file, 0, outer[0].end)
    return Arranged(brand + moov + _bytes(file, outer[0].end, samples.content), samples.content, samples.end)


def settled(file: BinaryIO) -> int:
    """Return up to which byte the samples of an MP4 that is being written are final; 0 before the first.

    The writer sets the length of `mdat` when all samples are written, before it writes anything else: while that is 0,
    all that is in the file are samples.
    """
    size = file.seek(0, os.SEEK_END)
    # The size is asked before the header is read: what comes between the two is not counted.
    return next((min(box.end, size) for box in boxes.walk(file, 0, size) if box.kind == b"mdat"), 0)


def _moved(moov: bytes, samples_end: int) -> bytes:
    """Return the index for samples that begin later by the length of the index that is returned."""
    if samples_end + len(moov) <= _LARGEST_32:
        return b"".join(_rebuilt(moov, len(moov), "as it is"))
    # Offsets of eight bytes may make it longer itself.
    length = sum(map(len, _rebuilt(moov, 0, "co64")))
    return b"".join(_rebuilt(moov, length, "co64"))


def _rebuilt(data: bytes, shift: int, table: str) -> Iterator[bytes]:
    for box in boxes.walk(io.BytesIO(data), 0, len(data)):
        content = data[box.content : box.end]
        if box.kind in _PARENTS:
            yield _box(box.kind, b"".join(_rebuilt(content, shift, table)))
        elif box.kind in _OFFSETS:
            kind = b"co64" if table == "co64" else box.kind
            # Version, flags and the number of entries come first.
            offsets = np.frombuffer(content, _OFFSETS[box.kind], offset=8).astype(np.uint64) + np.uint64(shift)
            yield _box(kind, content[:8] + offsets.astype(_OFFSETS[kind]).tobytes())
        else:
            yield data[box.start : box.end]


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _only(outer: list[Box], kind: bytes) -> Box:
    found = [box for box in outer if box.kind == kind]
    if len(found) != 1:
        raise EngineError("bad_layout", f"The finished file has {len(found)} boxes of the kind {kind.decode()}.")
    return found[0]


def _bytes(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)
