"""Boxes of an ISO media file (ISO/IEC 14496-12), read beside FFmpeg for what it does not tell.

That is: whether a file that does not open is cut off or broken, and when each frame of the index is shown.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
    """Walk the boxes that lie between two bytes (4.2), with the lengths they declare, which may reach too far."""
    position = start
    while position + _HEADER <= end:
        file.seek(position)
        header = file.read(_LARGE_HEADER)
        if len(header) < _HEADER:
            return
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


def children(file: BinaryIO, parent: Box) -> Iterator[Box]:
    """Walk the boxes inside another; what reaches beyond it ends with it, as FFmpeg has it."""
    for box in walk(file, parent.content, parent.end):
        yield replace(box, size=min(box.size, parent.end - box.start))


def composition_offsets(file: BinaryIO, track: int, samples: int) -> npt.NDArray[np.int64] | None:
    """How much later than decoded each sample of a track is shown (8.6.1.3), in units of the track's time scale.

    A single zero stands for a track without reordering; None means that there is no such track, or no index that fits
    its number of samples. Memory is taken for so many samples at most, whatever the file declares.
    """
    size = file.seek(0, os.SEEK_END)
    try:
        for moov in (box for box in top_level(file) if box.kind == b"moov"):
            inside = replace(moov, size=min(moov.size, size - moov.start))
            for trak in (box for box in children(file, inside) if box.kind == b"trak"):
                tkhd = _child(file, trak, b"tkhd")
                if tkhd is not None and _track_id(file, tkhd) == track:
                    return _offsets(file, trak, samples)
    except struct.error:
        # A table that ends before what it must have.
        return None
    return None


def _track_id(file: BinaryIO, tkhd: Box) -> int:
    file.seek(tkhd.content)
    data = file.read(min(24, tkhd.end - tkhd.content))
    # Version 1 has 64-bit dates before the identifier.
    at = 20 if data[:1] == b"\1" else 12
    return int(struct.unpack_from(">I", data, at)[0])


def _offsets(file: BinaryIO, trak: Box, samples: int) -> npt.NDArray[np.int64] | None:
    box: Box | None = trak
    for kind in _STBL:
        box = None if box is None else _child(file, box, kind)
    if box is None:
        return None
    table = _child(file, box, b"ctts")
    if table is None:
        return np.zeros(1, np.int64)
    file.seek(table.content)
    count = int(struct.unpack(">4xI", file.read(min(8, table.end - table.content)))[0])
    if count > min(samples, (table.end - table.content - 8) // 8):
        return None
    data = file.read(count * 8)
    if len(data) < count * 8:
        return None
    lengths = np.frombuffer(data, ">u4")[::2].astype(np.int64)
    # One entry can stand for four billion samples.
    if int(lengths.sum()) != samples:
        return None
    return np.repeat(np.frombuffer(data, ">i4")[1::2].astype(np.int64), lengths)


def _child(file: BinaryIO, parent: Box, kind: bytes) -> Box | None:
    return next((box for box in children(file, parent) if box.kind == kind), None)
