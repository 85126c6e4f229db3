"""How many pictures the index of a source says there are: what is missing of a cut file shows here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from media import boxes
from media.smartcut.entry import first_packet


def pictures_within(
    source: BinaryIO, container: InputContainer, stream: VideoStream, spans: Iterable[tuple[int, int]]
) -> int | None:
    """Pictures shown from the first to before the second tick of each span; None where there is no whole index."""
    if not container.format.name.startswith("mov,"):
        return None
    place = source.tell()
    offsets = boxes.composition_offsets(source, stream.id)
    source.seek(place)
    entries = list(stream.index_entries)
    if offsets is None or len(offsets) not in {1, len(entries)} or len(entries) != stream.frames:
        return None
    first = first_packet(container, stream)
    if first is None or first.pts is None:
        return None
    # The index is in decoding time; between it and the packets lies a constant (edit lists, negative offsets).
    shift = first.pts - entries[0].timestamp - int(offsets[0])
    ticks = np.array([entry.timestamp for entry in entries if not entry.is_discard], np.int64)
    kept = np.array([not entry.is_discard for entry in entries])
    shown = ticks + shift + (offsets[kept] if len(offsets) > 1 else offsets[0])
    return sum(int(((shown >= begin) & (shown < end)).sum()) for begin, end in spans)
