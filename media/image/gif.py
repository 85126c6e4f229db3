"""The frames of a GIF, counted without decoding one (GIF89a, sections 17 to 26)."""

from __future__ import annotations

from media.errors import InputError

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
# Comments and the like before a frame; no encoder writes more than a few.
_MOST_BLOCKS_A_FRAME = 50


def count_frames(data: bytes, most: int) -> int:
    """How many frames a GIF has, at most `most` + 1: the count ends there. A file that breaks off ends its count.

    Raises InputError `damaged_file` for one that is all extensions.
    """
    place, frames, blocks = 13 + _table(data[10] if len(data) > 10 else 0), 0, 0
    while place < len(data) and frames <= most:
        blocks += 1
        if blocks > _MOST_BLOCKS_A_FRAME * (most + 1):
            raise InputError("damaged_file", "The image is damaged: it has more extensions than pictures.")
        if data[place] == _EXTENSION:
            place = _skip(data, place + 2)
        elif data[place] == _IMAGE:
            frames += 1
            flags = data[place + 9] if place + 9 < len(data) else 0
            place = _skip(data, place + 11 + _table(flags))
        elif data[place] == _TRAILER:
            break
        else:
            place += 1
    return frames


def _table(flags: int) -> int:
    """Bytes of the colour table that a packed field announces."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _skip(data: bytes, place: int) -> int:
    """The place behind a run of sub-blocks."""
    while place < len(data) and data[place]:
        place += data[place] + 1
    return place + 1
