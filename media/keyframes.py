"""Where the keyframes are: the points at which a stream can be entered. Nothing is decoded."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import BinaryIO, Literal

import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.index import IndexEntry
from av.stream import Discard
from av.video.stream import VideoStream

from media import boxes
from media.errors import InputError
from media.keymap import Keyframe, KeyframeMap
from media.progress import Meter
from media.source import open_source
from media.timeline import timeline
from media.types import DEFAULT_LIMITS, Limits, Progress, no_progress
from media.watchdog import Watchdog


def keyframe_map(
    source: BinaryIO, limits: Limits = DEFAULT_LIMITS, *, on_progress: Progress = no_progress
) -> KeyframeMap:
    """Map the keyframes of the main picture.

    An MP4 or MOV with a whole index is mapped from it and one packet; of any other file every packet is read.

    Raises:
        InputError: as `open_source`, and no_video, damaged_file (no keyframe).
    """
    with open_source(source, limits) as container:
        time = timeline(container)
        if time.video is None:
            raise InputError("no_video", "The file has no moving picture.")
        for stream in container.streams:
            if stream is not time.video:
                stream.discard = Discard.all
        offsets = None
        if container.format.name.startswith("mov,"):
            place = source.tell()
            offsets = boxes.composition_offsets(source, time.video.id, time.video.frames)
            source.seek(place)
        entries = list(time.video.index_entries)
        if offsets is not None and len(entries) == time.video.frames and len(offsets) in {1, len(entries)}:
            found = _from_index(container, time.video, time.origin, entries, offsets)
            read: Literal["index", "packets"] = "index"
        else:
            meter = Meter(on_progress, max(time.duration, Fraction(1)))
            found, read = _from_packets(container, time.video, time.origin, meter), "packets"
        if not found:
            raise InputError("damaged_file", "The file is damaged: it has no keyframe.")
        return KeyframeMap(tuple(found), read)


def _from_index(
    container: InputContainer,
    stream: VideoStream,
    origin: Fraction,
    entries: list[IndexEntry],
    offsets: npt.NDArray[np.int64],
) -> list[Keyframe]:
    """The index is in decoding time. Adding each sample's composition offset gives presentation time but for a constant
    (edit list, negative offsets), which the first keyframe's packet shows."""
    keys = [number for number, entry in enumerate(entries) if entry.is_keyframe]
    first = next((packet for packet in container.demux(stream) if packet.is_keyframe and packet.size), None)
    if not keys or first is None or first.pts is None:
        return []
    shown = [entries[number].timestamp + int(offsets[number % len(offsets)]) for number in keys]
    unit, shift = stream.time_base or Fraction(0), first.pts - shown[0]
    return [
        Keyframe((time + shift) * unit - origin, following - number, entries[number].pos)
        for time, number, following in zip(shown, keys, [*keys[1:], len(entries)], strict=True)
    ]


def _from_packets(container: InputContainer, stream: VideoStream, origin: Fraction, meter: Meter) -> list[Keyframe]:
    found: list[Keyframe] = []
    watchdog = Watchdog()
    for packet in container.demux(stream):
        if packet.size:
            watchdog.read(packet)
        stamp = packet.dts if packet.pts is None else packet.pts
        meter.report(Fraction(0) if stamp is None else max(stamp * packet.time_base - origin, Fraction(0)))
        if packet.is_keyframe and stamp is not None:
            found.append(Keyframe(stamp * packet.time_base - origin, 1, packet.pos))
        elif found and packet.size:
            found[-1] = replace(found[-1], frames=found[-1].frames + 1)
    return found
