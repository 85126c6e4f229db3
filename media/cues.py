"""Cues of a Matroska or WebM file (RFC 9559, 5.1.5), read beside FFmpeg: where the keyframes are.

Elements are read one by one, with the lengths that they declare cut to what the file has (EBML: RFC 8794).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from typing import BinaryIO

_SEGMENT, _SEEK_HEAD, _INFO, _TRACKS, _CLUSTER, _CUES = (
    0x18538067, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0x1C53BB6B,
)  # fmt: skip
_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_TIMESTAMP_SCALE = 0x2AD7B1
_TRACK_ENTRY, _TRACK_NUMBER, _TRACK_TYPE, _VIDEO = 0xAE, 0xD7, 0x83, 1
_CUE_POINT, _CUE_TIME, _CUE_POSITIONS, _CUE_TRACK, _CUE_CLUSTER = 0xBB, 0xB3, 0xB7, 0xF7, 0xF1
_USUAL_SCALE = 1_000_000
_LONGEST_HEADER = 12
_MAX_ELEMENTS = 1_000
_LONGEST = {_SEEK_HEAD: 1 << 20, _INFO: 1 << 20, _TRACKS: 4 << 20, _CUES: 8 << 20}
"""Bytes of an element that is read, and no more than all of it; a cue has some 20 of them."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A keyframe: seconds in the container's own time, and the byte at which its cluster begins."""

    time: Fraction
    position: int


@dataclass(frozen=True, slots=True)
class _Element:
    kind: int
    content: int
    end: int
    whole: bool


def read_cues(file: BinaryIO, index: int) -> list[Cue] | None:
    """The cues of the picture that is stream `index` of the file, by rising times; None where there are none to trust.

    The position of the file is put back.
    """
    place = file.tell()
    try:
        return _read(file, index)
    finally:
        file.seek(place)


def _read(file: BinaryIO, index: int) -> list[Cue] | None:
    end = file.seek(0, os.SEEK_END)
    segment = next((found for found in islice(_elements(file, 0, end), 4) if found.kind == _SEGMENT), None)
    if segment is None:
        return None
    parts = _parts(file, segment)
    if not {_TRACKS, _CUES} <= parts.keys() or not all(parts.values()):
        return None
    tracks = [dict(_numbers(entry)) for kind, entry in _children(parts[_TRACKS]) if kind == _TRACK_ENTRY]
    if index >= len(tracks) or tracks[index].get(_TRACK_TYPE) != _VIDEO:
        return None
    scale = dict(_numbers(parts.get(_INFO, b""))).get(_TIMESTAMP_SCALE, _USUAL_SCALE)
    found = list(_points(parts[_CUES], tracks[index].get(_TRACK_NUMBER, 0)))
    sound = bool(found) and all(one[0] < two[0] and one[1] <= two[1] for one, two in pairwise(found))
    if not sound or segment.content + found[-1][1] >= end:
        return None
    return [Cue(Fraction(time * scale, 1_000_000_000), segment.content + position) for time, position in found]


def _parts(file: BinaryIO, segment: _Element) -> dict[int, bytes]:
    """The contents of what is needed: what stands before the first cluster, and the cues where the seek head says."""
    parts: dict[int, bytes] = {}
    for found in islice(_elements(file, segment.content, segment.end), _MAX_ELEMENTS):
        if found.kind == _CLUSTER:
            break
        if found.kind in _LONGEST:
            parts.setdefault(found.kind, _content(file, found))
    if _CUES not in parts:
        for kind, entry in _children(parts.get(_SEEK_HEAD, b"")):
            seek = dict(_numbers(entry)) if kind == _SEEK else {}
            if seek.get(_SEEK_ID) == _CUES and _SEEK_POSITION in seek:
                there = next(_elements(file, segment.content + seek[_SEEK_POSITION], segment.end), None)
                if there is not None and there.kind == _CUES:
                    parts[_CUES] = _content(file, there)
    return parts


def _points(cues: bytes, track: int) -> Iterator[tuple[int, int]]:
    for kind, point in _children(cues):
        if kind != _CUE_POINT:
            continue
        time = dict(_numbers(point)).get(_CUE_TIME)
        for inner, positions in _children(point):
            numbers = dict(_numbers(positions)) if inner == _CUE_POSITIONS else {}
            if time is not None and numbers.get(_CUE_TRACK) == track and _CUE_CLUSTER in numbers:
                yield time, numbers[_CUE_CLUSTER]


def _elements(file: BinaryIO, start: int, end: int) -> Iterator[_Element]:
    """Walk the elements that lie between two bytes; stops at the first thing that is none."""
    while start < end:
        file.seek(start)
        found = _header(file.read(_LONGEST_HEADER))
        if found is None:
            return
        kind, length, size = found
        content = start + length
        whole = size is not None and content + size <= end
        start = end if size is None else min(content + size, end)
        yield _Element(kind, content, start, whole)


def _content(file: BinaryIO, element: _Element) -> bytes:
    """What an element holds; nothing of one that is cut off, or too long: half of the cues are worse than none."""
    if not element.whole or element.end - element.content > _LONGEST[element.kind]:
        return b""
    file.seek(element.content)
    return file.read(element.end - element.content)


def _children(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while (found := _header(data[at : at + _LONGEST_HEADER])) is not None:
        kind, length, size = found
        end = len(data) if size is None else min(at + length + size, len(data))
        yield kind, data[at + length : end]
        at = end


def _numbers(data: bytes) -> Iterator[tuple[int, int]]:
    """Children of eight bytes or less as unsigned integers."""
    return ((kind, int.from_bytes(content, "big")) for kind, content in _children(data) if len(content) <= 8)


def _header(data: bytes) -> tuple[int, int, int | None] | None:
    """Identifier, length of the header, and size of the content; a size of None is unknown."""
    if not data or not data[0] >> 4:
        return None
    width = 9 - data[0].bit_length()
    rest = data[width:]
    if not rest or not rest[0]:
        return None
    more = 9 - rest[0].bit_length()
    if len(rest) < more:
        return None
    unknown = (1 << 7 * more) - 1
    size = int.from_bytes(rest[:more], "big") & unknown
    return int.from_bytes(data[:width], "big"), width + more, None if size == unknown else size
