"""When the pictures of a source are shown, by its index: what is missing of a cut file shows here."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from media import boxes
from media.smartcut.entry import first_packet
from media.tables import Flags, Ints

_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class Table:
    """All samples of a track in decoding order: the `ticks` at which they are shown, the byte at which each begins and
    its length, which of them are keyframes, and which are hidden by the edit list."""

    ticks: Ints
    places: Ints
    sizes: Ints
    keys: Flags
    hidden: Flags

    @property
    def shown(self) -> Ints:
        """The ticks at which pictures are shown, in decoding order."""
        return self.ticks[~self.hidden]


def shown_ticks(source: BinaryIO, container: InputContainer, stream: VideoStream) -> Ints | None:
    """The ticks at which the pictures are shown, in decoding order; None where there is no whole index.

    Reads the index and the first packet: best right after opening, while they are at hand.
    """
    table = picture_table(source, container, stream)
    return None if table is None else table.shown


def picture_table(source: BinaryIO, container: InputContainer, stream: VideoStream) -> Table | None:
    """The samples of a picture track; None where there is no whole index. Reads as `shown_ticks` does."""
    if not container.format.name.startswith("mov,"):
        return None
    place = source.tell()
    offsets = boxes.composition_offsets(source, stream.id, stream.frames)
    source.seek(place)
    table = sample_table(stream)
    if offsets is None or len(offsets) not in {1, len(table.ticks)} or len(table.ticks) != stream.frames:
        return None
    first = first_packet(container, stream)
    if first is None or first.pts is None:
        return None
    # The index is in decoding time; between it and the packets lies a constant (edit lists, negative offsets).
    shift = first.pts - int(table.ticks[0]) - int(offsets[0])
    return Table(table.ticks + shift + offsets, table.places, table.sizes, table.keys, table.hidden)


def sample_table(stream: VideoStream | AudioStream) -> Table:
    """The samples of a track as FFmpeg's index has them: `ticks` are those of decoding."""
    count, entries = len(stream.index_entries), iter(stream.index_entries)
    ticks, places, sizes = (np.empty(count, np.int64) for _ in range(3))
    keys, hidden = np.empty(count, np.bool_), np.empty(count, np.bool_)
    for start in range(0, count, _AT_ONCE):
        # As many at a time as Python's objects may be in memory.
        rows = [
            (entry.timestamp, entry.pos, entry.size, entry.is_keyframe, entry.is_discard)
            for entry in islice(entries, _AT_ONCE)
        ]
        part = slice(start, start + len(rows))
        ticks[part], places[part], sizes[part], keys[part], hidden[part] = np.array(rows, np.int64).T
    return Table(ticks, places, sizes, keys, hidden)
