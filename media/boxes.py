"""Top-level boxes of an ISO media file (ISO/IEC 14496-12, 4.2): enough to tell a cut-off file from a broken one."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_HEADER = 8
_LARGE_HEADER = 16


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its four-character type, its first byte and its declared length in bytes."""

    kind: bytes
    start: int
    size: int

    @property
    def end(self) -> int:
        """The first byte after the box."""
        return self.start + self.size


def top_level(file: BinaryIO) -> Iterator[Box]:
    """Walk the outermost boxes; stops at the end of the file or at the first thing that is no box."""
    total = file.seek(0, os.SEEK_END)
    position = 0
    while position + _HEADER <= total:
        file.seek(position)
        header = file.read(_LARGE_HEADER)
        size, kind = struct.unpack(">I4s", header[:_HEADER])
        if size == 1 and len(header) == _LARGE_HEADER:
            size = struct.unpack(">Q", header[_HEADER:])[0]
        elif size == 0:
            size = total - position
        if size < _HEADER or not kind.isascii():
            return
        yield Box(kind, position, size)
        position += size
