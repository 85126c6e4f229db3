"""When the pictures of a source are shown, by its index: what is missing of a cut file shows here."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.video.stream import VideoStream

from media import boxes
from media.smartcut.entry import first_packet


def shown_ticks(source: BinaryIO, container: InputContainer, stream: VideoStream) -> npt.NDArray[np.int64] | None:
    """The ticks at which the pictures are shown, in decoding order; None where there is no whole index.

    Reads the index and the first packet: best right after opening, while they are at hand.
    """
    if not container.format.name.startswith("mov,"):
        return None
    place = source.tell()
    offsets = boxes.composition_offsets(source, stream.id, stream.frames)
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
    later: npt.NDArray[np.int64] = offsets[kept] if len(offsets) > 1 else offsets
    return np.asarray(ticks + shift + later, np.int64)
