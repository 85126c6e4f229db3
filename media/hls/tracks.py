"""The tracks of a finished MP4 as its index has them (ISO/IEC 14496-12, 8.5 to 8.8): where each sample is, and when."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from media import boxes, tables
from media.boxes import Box
from media.errors import EngineError
from media.tables import Ints

LEAD = Fraction(1)
"""Seconds by which everything plays later in fragments than its film has it, for no time may be negative: sound can
begin a little before its picture, and pictures that are shown before the first keyframe are decoded after it."""
KEPT = {b"vide", b"soun"}


@dataclass(frozen=True, slots=True)
class Track:
    """The main picture or the main sound of a file, by its samples in decoding order.

    `shown` are their times in ticks (`scale` of them make a second), without edit list: 0 is when the film begins,
    `end` when the last one ends. `decoded` are decoding times that rise, none later than the sample is shown, and
    `lasts` what is between them. `box` is the whole `trak`, `entry` its sample entry.
    """

    number: int
    kind: bytes
    scale: int
    box: bytes
    entry: bytes
    places: Ints
    sizes: Ints
    decoded: Ints
    lasts: Ints
    shown: Ints
    end: int
    keys: npt.NDArray[np.bool_]


def read_tracks(file: BinaryIO) -> tuple[bytes, list[Track]]:
    """Return the movie header (`mvhd`) of an MP4 of ours, and its first picture and sound track.

    Raises:
        EngineError: `bad_layout` when there is no whole index.
    """
    try:
        moov = next((box for box in boxes.top_level(file) if box.kind == b"moov"), None)
        if moov is None:
            raise _refused("it has no index")
        file.seek(moov.start)
        data = io.BytesIO(file.read(moov.size))
        inside = list(boxes.walk(data, moov.content - moov.start, moov.size))
        header = _bytes(data, next(box for box in inside if box.kind == b"mvhd"))
        movie_scale = _scale(header[8:])
        found = [_track(data, box, movie_scale) for box in inside if box.kind == b"trak"]
    except (struct.error, StopIteration, KeyError, ValueError, IndexError) as error:
        raise _refused("its index is not whole") from error
    tracks = {track.kind: track for track in reversed([track for track in found if track is not None])}
    if not tracks:
        raise _refused("it has neither picture nor sound")
    return header, [tracks[kind] for kind in (b"vide", b"soun") if kind in tracks]


def renumbered(track: Track, number: int) -> Track:
    """Return a track under another number, for a film that has one of its own already."""
    tkhd = next(box for box in boxes.walk(io.BytesIO(track.box), 8, len(track.box)) if box.kind == b"tkhd")
    at = tkhd.content + (20 if track.box[tkhd.content] == 1 else 12)
    return replace(track, number=number, box=track.box[:at] + struct.pack(">I", number) + track.box[at + 4 :])


def _track(data: io.BytesIO, trak: Box, movie_scale: int) -> Track | None:
    mdia = _inner(data, trak, b"mdia")
    kind = _content(data, _inner(data, mdia, b"hdlr"))[8:12]
    stbl = _inner(data, _inner(data, mdia, b"minf"), b"stbl")
    found = {box.kind: _content(data, box) for box in boxes.children(data, stbl)}
    sizes = tables.sizes(found[b"stsz"])
    if kind not in KEPT or not len(sizes) or _entry(found[b"stsd"])[4:8] in {b"jpeg", b"png "}:
        return None
    scale = _scale(_content(data, _inner(data, mdia, b"mdhd")))
    lasts = tables.spread(found[b"stts"])
    offsets = tables.spread(found[b"ctts"], ">i4") if b"ctts" in found else np.zeros(len(sizes), np.int64)
    if not len(lasts) == len(offsets) == len(sizes):
        raise _refused("its tables differ in length")
    since = np.concatenate([[0], np.cumsum(lasts[:-1])]).astype(np.int64)
    shown = since + offsets + _moved(data, trak, movie_scale, scale)
    end = int(shown.min() + since[-1] + lasts[-1])
    decoded = _decoding(shown)
    return Track(
        number=_track_id(_content(data, _inner(data, trak, b"tkhd"))),
        kind=kind,
        scale=scale,
        box=_bytes(data, trak),
        entry=_entry(found[b"stsd"]),
        places=tables.places(found, sizes),
        sizes=sizes,
        decoded=decoded,
        lasts=np.diff(decoded, append=max(end, int(decoded[-1]) + 1)),
        shown=shown,
        end=end,
        keys=tables.keys(found, len(sizes)),
    )


def _decoding(shown: Ints) -> Ints:
    """Decoding times that rise, as late as can be: whatever can be entered is decoded when it is shown.

    Players put a segment where its first decoding time is, and would leave a gap before it, or show it late, if its
    first picture were shown any later. Pictures that wait for one that is shown before them are decoded at the pace of
    those that are shown nearest to each other, or faster where they have to be: so none lasts longer than it is shown.
    """
    soonest = np.minimum.accumulate(shown[::-1])[::-1]
    due, firsts, counts = np.unique(soonest, return_index=True, return_counts=True)
    least = int(np.diff(np.sort(shown)).min()) if len(shown) > 1 else 1
    paces = np.minimum(np.diff(due, prepend=due[0] - least * counts[0]) // counts, least)
    ahead = np.repeat(firsts + counts, counts) - 1 - np.arange(len(shown))
    decoded = soonest - ahead * np.repeat(paces, counts)
    # Where a clock is too coarse, from the back each is one tick at least before the one behind it.
    back = np.arange(len(shown))
    return np.asarray(np.minimum.accumulate((decoded - back)[::-1])[::-1] + back, np.int64)


def _moved(data: io.BytesIO, trak: Box, movie_scale: int, scale: int) -> int:
    """By how many ticks the edit list moves a track: at most one empty edit, then one that plays all of it."""
    edts = next((box for box in boxes.children(data, trak) if box.kind == b"edts"), None)
    if edts is None:
        return 0
    later = earlier = 0
    played = 0
    for length, start in _edits(_content(data, _inner(data, edts, b"elst"))):
        if start == -1 and not played:
            later += round(length * scale / movie_scale)
        elif start >= 0 and not played:
            earlier, played = start, 1
        else:
            raise _refused("it has an edit list of several parts")
    return later - earlier


def _edits(elst: bytes) -> Iterator[tuple[int, int]]:
    layout = struct.Struct(">QqI" if elst[0] == 1 else ">IiI")
    (count,) = struct.unpack_from(">I", elst, 4)
    for number in range(count):
        length, start, _ = layout.unpack_from(elst, 8 + number * layout.size)
        yield length, start


def _entry(stsd: bytes) -> bytes:
    (size,) = struct.unpack_from(">I", stsd, 8)
    if struct.unpack_from(">I", stsd, 4)[0] != 1:
        raise _refused("a track has several sample entries")
    return stsd[8 : 8 + size]


def _scale(header: bytes) -> int:
    return int(struct.unpack_from(">I", header, 20 if header[0] == 1 else 12)[0])


def _track_id(header: bytes) -> int:
    return int(struct.unpack_from(">I", header, 20 if header[0] == 1 else 12)[0])


def _inner(data: io.BytesIO, parent: Box, kind: bytes) -> Box:
    return next(box for box in boxes.children(data, parent) if box.kind == kind)


def _content(data: io.BytesIO, box: Box) -> bytes:
    return data.getvalue()[box.content : box.end]


def _bytes(data: io.BytesIO, box: Box) -> bytes:
    return data.getvalue()[box.start : box.end]


def _refused(reason: str) -> EngineError:
    return EngineError("bad_layout", f"The finished file cannot be cut into segments: {reason}.")
