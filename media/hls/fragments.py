"""Writes an initialisation segment and movie fragments (ISO/IEC 14496-12, 8.8) of tracks at hand.

A fragment is `moof` and `mdat`: pictures first, then the sound beside them. There is no edit list, which browsers pass
over; instead all begins `LEAD` seconds late, for sound may begin a little before its picture. Nor are there negative
offsets, with which FFmpeg shows pictures later than the sound beside them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

import numpy as np

from media import boxes
from media.hls.tracks import LEAD, Track

_BRANDS = b"iso6" + struct.pack(">I", 0) + b"iso6cmfcmp41"
_EMPTY = {
    b"stts": struct.pack(">II", 0, 0),
    b"stsc": struct.pack(">II", 0, 0),
    b"stsz": struct.pack(">III", 0, 0, 0),
    b"stco": struct.pack(">II", 0, 0),
}
_PARENTS = {b"trak", b"mdia", b"minf", b"stbl"}
# Of a whole file, or of no use to a player.
_DROPPED = {b"edts", b"tref", b"udta", b"ctts", b"stss", b"sbgp", b"sgpd", b"co64"}
_BASE_IS_MOOF = 0x020000
_OFFSET, _DURATION, _SIZE, _FLAGS, _LATER = 0x1, 0x100, 0x200, 0x400, 0x800
# ISO/IEC 14496-12, 8.8.3.1: needs no other sample; needs another one, and may not be entered.
_KEY, _OTHER = 0x02000000, 0x01010000


@dataclass(frozen=True, slots=True)
class Run:
    """Samples of a track in `file` that play `shift` ticks later than that has them, `LEAD` not counted."""

    file: BinaryIO
    track: Track
    samples: slice
    shift: int

    @property
    def size(self) -> int:
        """Bytes."""
        return int(self.track.sizes[self.samples].sum())


def init_segment(header: bytes, tracks: Sequence[Track]) -> bytes:
    """Return what opens every fragment of these tracks; `header` is the `mvhd` of their file."""
    moov = _without_length(header)
    moov += b"".join(b"".join(_emptied(track.box)) for track in tracks)
    extends = b"".join(box(b"trex", struct.pack(">IIIIII", 0, track.number, 1, 0, 0, 0)) for track in tracks)
    return box(b"ftyp", _BRANDS) + box(b"moov", moov + box(b"mvex", extends))


def fragment(number: int, runs: Sequence[Run]) -> bytes:
    """Return `moof` and the header of `mdat` for runs of samples, which are to follow one run after the other."""
    # How long the box is does not depend on the offsets in it.
    length = len(_moof(number, runs, 0))
    return _moof(number, runs, length + 8) + struct.pack(">I4s", 8 + sum(run.size for run in runs), b"mdat")


def box(kind: bytes, content: bytes) -> bytes:
    """Return a box."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _moof(number: int, runs: Sequence[Run], offset: int) -> bytes:
    parts = [box(b"mfhd", struct.pack(">II", 0, number))]
    for run in runs:
        track = run.track
        head = box(b"tfhd", struct.pack(">II", _BASE_IS_MOOF, track.number))
        begins = int(track.decoded[run.samples][0]) + run.shift + round(LEAD * track.scale)
        parts.append(box(b"traf", head + box(b"tfdt", struct.pack(">IQ", 1 << 24, begins)) + _table(run, offset)))
        offset += run.size
    return box(b"moof", b"".join(parts))


def _table(run: Run, offset: int) -> bytes:
    track, samples = run.track, run.samples
    columns = [track.lasts[samples], track.sizes[samples]]
    flags = _OFFSET | _DURATION | _SIZE
    if track.kind == b"vide":
        later = track.shown[samples] - track.decoded[samples]
        columns += [np.where(track.keys[samples], _KEY, _OTHER), later]
        flags |= _FLAGS | _LATER
    table = np.column_stack(columns).astype(">u4")
    return box(b"trun", struct.pack(">IIi", flags, len(table), offset) + table.tobytes())


def _emptied(data: bytes) -> Iterator[bytes]:
    """Rebuild a `trak` with a description of its samples and none of them."""
    for found in boxes.walk(BytesIO(data), 0, len(data)):
        content = data[found.content : found.end]
        if found.kind in _DROPPED:
            continue
        if found.kind in _PARENTS:
            yield box(found.kind, b"".join(_emptied(content)))
        elif found.kind in _EMPTY:
            yield box(found.kind, _EMPTY[found.kind])
        elif found.kind == b"tkhd":
            yield _without_length(data[found.start : found.end], behind=4)
        elif found.kind == b"mdhd":
            yield _without_length(data[found.start : found.end])
        else:
            yield data[found.start : found.end]


def _without_length(header: bytes, *, behind: int = 0) -> bytes:
    """A header box whose duration is 0, for that of the fragments counts; it stands so many bytes behind its usual
    place."""
    at, width = (32, 8) if header[8] == 1 else (24, 4)
    at += behind
    return header[:at] + bytes(width) + header[at + width :]
