"""What the index of an ISO media file would make FFmpeg allocate, told from its tables before FFmpeg reads them.

FFmpeg holds an entry of 24 bytes, and as much again for times, for every sample (`libavformat/mov.c`). A table needs no
more than a few bytes to speak of four billion of them: where all samples have one size, where runs of samples share a
chunk, where the samples of a fragment take all they have from its defaults, where an edit list repeats them.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from media import boxes
from media.boxes import Box
from media.errors import InputError
from media.expecting import Expecting
from media.types import Limits

# FFmpeg descends into these wherever they stand, and takes some free boxes for an index.
_PARENTS = {b"moov", b"hoov", b"free", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta", b"mvex", b"moof", b"traf"}
_DEPTH = 10
_MAX_BOXES = 2_000_000
_MANY = 1_000_000
_EACH_SAMPLE = 0x0F00
"""Flags of a fragment's run (8.8.8): its samples have durations, sizes, flags or offsets of their own."""
# Sound in runs of equal samples gets an entry for so many of them at least.
_GATHERED = 1024
_USUAL_EDITS = 2
_LONGEST_TABLE = 64 << 20
_SOUND = int.from_bytes(b"soun", "big")
_HANDLERS = {_SOUND, *(int.from_bytes(kind, "big") for kind in (b"vide", b"subp", b"clcp"))}


@dataclass(slots=True)
class _Track:
    """What the tables of a track speak of; `ticking` is whether all samples last one tick, as those of plain sound."""

    samples: int = 0
    size: int = 0
    chunks: int = 0
    longest: int = 0
    edits: int = 0
    ticking: bool | None = None
    sound: bool | None = None

    @property
    def gathered(self) -> bool:
        """Whether FFmpeg makes entries of many samples each."""
        return bool(self.size and self.ticking and self.sound)

    @property
    def entries(self) -> int:
        """Entries of FFmpeg's index, at most."""
        entries = self.chunks * (self.longest // _GATHERED + 1) if self.gathered else self.samples
        return entries * max(self.edits - _USUAL_EDITS + 1, 1)


def check(file: BinaryIO, limits: Limits) -> None:
    """Refuse a file whose index would take more memory than `limits.max_samples` entries do.

    Files that are no ISO media files pass: they hold no such tables.

    Raises:
        InputError: too_many_packets; damaged_file when tables speak of more than the file can hold;
            unsupported_format for a compressed index.
    """
    end = file.seek(0, os.SEEK_END)
    tracks, fragments = [_Track()], 0
    for number, box in enumerate(_tables(file, _told(file), end, _DEPTH)):
        if number > _MAX_BOXES:
            raise InputError("damaged_file", "The file is damaged: its index has too many parts.")
        if box.kind == b"trak":
            tracks.append(_Track())
        elif box.kind == b"cmov":
            raise InputError("unsupported_format", "The index of the file is compressed; save it again without that.")
        elif box.kind == b"trun":
            fragments += _run(file, box)
        else:
            _note(file, box, tracks[-1])
    if fragments + sum(track.entries for track in tracks) > limits.max_samples:
        raise InputError("too_many_packets", f"The file has more than {limits.max_samples} samples.")
    for track in tracks:
        # A recording that was cut off names more than it has; so many samples of nothing no recorder names.
        if not track.gathered and track.samples > _MANY and track.samples * track.size > end:
            raise InputError("damaged_file", "The file is damaged: its index speaks of more than it holds.")


def _told(file: BinaryIO) -> Iterator[Box]:
    """The outermost boxes. That of the index is read in parts here, and then by FFmpeg as a whole."""
    for box in boxes.top_level(file):
        if box.kind == b"moov" and isinstance(file, Expecting):
            file.expect([(box.start, box.end)])
        yield box


def _tables(file: BinaryIO, inside: Iterator[Box], end: int, depth: int) -> Iterator[Box]:
    for found in inside:
        box = replace(found, size=min(found.size, end - found.start))
        yield box
        if box.kind in _PARENTS and depth:
            yield from _tables(file, boxes.children(file, box), box.end, depth - 1)
        elif box.kind == b"meta" and depth:
            # In QuickTime it has no version; FFmpeg looks for the handler.
            for skipped in (0, 4):
                inner = replace(box, content=box.content + skipped)
                yield from _tables(file, boxes.children(file, inner), box.end, depth - 1)


def _note(file: BinaryIO, box: Box, track: _Track) -> None:
    match box.kind:
        case b"stsz":
            track.size, count = _numbers(file, box.content + 4, 2)
            track.samples = max(track.samples, count)
        case b"stz2":
            track.samples = max(track.samples, *_numbers(file, box.content + 8, 1))
        case b"stco" | b"co64":
            track.chunks = max(track.chunks, min(*_numbers(file, box.content + 4, 1), box.size // 4))
        case b"stsc":
            track.longest = max(track.longest, _longest_chunk(file, box))
        case b"stts":
            entries, _, duration = _numbers(file, box.content + 4, 3)
            track.ticking = track.ticking is not False and entries == duration == 1
        case b"elst":
            track.edits = max(track.edits, *_numbers(file, box.content + 4, 1))
        case b"hdlr":
            (handler,) = _numbers(file, box.content + 8, 1)
            if handler in _HANDLERS:
                track.sound = track.sound is not False and handler == _SOUND


def _longest_chunk(file: BinaryIO, stsc: Box) -> int:
    """The most samples that a chunk has (8.7.4)."""
    file.seek(stsc.content + 8)
    data = file.read(min(stsc.end - stsc.content, _LONGEST_TABLE))
    return int(np.frombuffer(data, ">u4", len(data) // 12 * 3)[1::3].max(initial=0))


def _run(file: BinaryIO, trun: Box) -> int:
    """How many samples a run of a fragment has (8.8.8)."""
    flags, count = _numbers(file, trun.content, 2)
    return min(count, trun.size // 4) if flags & _EACH_SAMPLE else count


def _numbers(file: BinaryIO, position: int, count: int) -> tuple[int, ...]:
    """So many 32-bit numbers; zeros where the file has ended."""
    file.seek(position)
    return struct.unpack(f">{count}I", file.read(4 * count).ljust(4 * count, b"\0"))
