"""Boxes of an ISO media file (ISO/IEC 14496-12), read beside FFmpeg for what it does not tell.

That is: whether a file that does not open is cut off or broken, and when each frame of the index is shown.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

_HEADER = 8
_LARGE_HEADER = 16
_STBL = (b"mdia", b"minf", b"stbl")


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its four-character type, its first byte, its declared length in bytes, and where its content begins."""

    kind: bytes
    start: int
    size: int
    content: int

    @property
    def end(self) -> int:
        """The first byte after the box."""
        return self.start + self.size


def top_level(file: BinaryIO) -> Iterator[Box]:
    """Walk the outermost boxes; stops at the end of the file or at the first thing that is no box."""
    return walk(file, 0, file.seek(0, os.SEEK_END))


def walk(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """Walk the boxes that lie between two bytes (4.2)."""
    position = start
    while position + _HEADER <= end:
        file.seek(position)
        header = file.read(_LARGE_HEADER)
        size, kind = struct.unpack(">I4s", header[:_HEADER])
        content = position + _HEADER
        if size == 1 and len(header) == _LARGE_HEADER:
            size, content = struct.unpack(">Q", header[_HEADER:])[0], position + _LARGE_HEADER
        elif size == 0:
            size = end - position
        if size < content - position or not kind.isascii():
            return
        yield Box(kind, position, size, content)
        position += size


def composition_offsets(file: BinaryIO, track: int) -> npt.NDArray[np.int64] | None:
    """How much later than decoded each sample of a track is shown (8.6.1.3), in units of the track's time scale.

    A single zero stands for a track without reordering; None means that there is no such track, or no index.
    """
    for moov in (box for box in top_level(file) if box.kind == b"moov"):
        for trak in (box for box in walk(file, moov.content, moov.end) if box.kind == b"trak"):
            inside = {box.kind: box for box in walk(file, trak.content, trak.end)}
            if b"tkhd" in inside and _track_id(file, inside[b"tkhd"]) == track:
                return _offsets(file, trak)
    return None


def _track_id(file: BinaryIO, tkhd: Box) -> int:
    file.seek(tkhd.content)
    data = file.read(24)
    # Version 1 has 64-bit dates before the identifier.
    at = 20 if data[0] == 1 else 12
    return int(struct.unpack_from(">I", data, at)[0])


def _offsets(file: BinaryIO, trak: Box) -> npt.NDArray[np.int64] | None:
    box: Box | None = trak
    for kind in _STBL:
        box = None if box is None else _child(file, box, kind)
    if box is None:
        return None
    table = _child(file, box, b"ctts")
    if table is None:
        return np.zeros(1, np.int64)
    file.seek(table.content)
    data = file.read(table.end - table.content)
    count = min(struct.unpack_from(">I", data, 4)[0], (len(data) - 8) // 8)
    runs = np.frombuffer(data, ">i4", count * 2, 8).reshape(-1, 2).astype(np.int64)
    # A hostile table could repeat one entry four billion times.
    if (runs[:, 0] < 0).any() or runs[:, 0].sum() > 1 << 26:
        return None
    return np.repeat(runs[:, 1], runs[:, 0])


def _child(file: BinaryIO, parent: Box, kind: bytes) -> Box | None:
    return next((box for box in walk(file, parent.content, parent.end) if box.kind == kind), None)
