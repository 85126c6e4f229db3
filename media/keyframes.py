"""Where the keyframes are: the points at which a stream can be entered. Nothing is decoded."""

from __future__ import annotations

from collections.abc import Sequence
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
from media.cues import Cue, read_cues
from media.errors import InputError
from media.keymap import Keyframe, KeyframeMap
from media.progress import Meter
from media.source import open_source
from media.timeline import Timeline, timeline
from media.types import DEFAULT_LIMITS, Limits, Progress, no_progress
from media.watchdog import Watchdog


def keyframe_map(
    source: BinaryIO, limits: Limits = DEFAULT_LIMITS, *, on_progress: Progress = no_progress
) -> KeyframeMap:
    """Map the keyframes of the main picture.

    An MP4 or MOV with a whole index is mapped from it and one packet, a Matroska or WebM file from its cues, which know
    times alone: frames are counted by the nominal rate. Of any other file every packet is read.

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
        meter = Meter(on_progress, max(time.duration, Fraction(1)))
        read, found = _map(source, container, time, meter)
        if not found:
            raise InputError("damaged_file", "The file is damaged: it has no keyframe.")
        return KeyframeMap(tuple(found), read)


def _map(
    source: BinaryIO, container: InputContainer, time: Timeline, meter: Meter
) -> tuple[Literal["index", "cues", "packets"], list[Keyframe]]:
    """The keyframes by the cheapest way that there is."""
    video = time.video
    assert video is not None
    if container.format.name.startswith("mov,"):
        place = source.tell()
        offsets = boxes.composition_offsets(source, video.id, video.frames)
        source.seek(place)
        entries = list(video.index_entries)
        if offsets is not None and len(entries) == video.frames and len(offsets) in {1, len(entries)}:
            return "index", _from_index(container, video, time.origin, entries, offsets)
    if container.format.name.startswith("matroska,"):
        cues = read_cues(source, video.index)
        start = (video.start_time or 0) * (video.time_base or Fraction(0))
        # Whose first cue is not the first picture has not written one for each keyframe.
        if cues is not None and cues[0].time == start and time.duration > cues[-1].time - time.origin:
            return "cues", _from_cues(cues, time)
    return "packets", _from_packets(container, video, time.origin, meter)


def _from_cues(cues: Sequence[Cue], line: Timeline) -> list[Keyframe]:
    times = [cue.time - line.origin for cue in cues]
    counts = [round(time * line.rate) for time in (*times, line.duration)]
    return [
        Keyframe(time, max(later - count, 1), cue.position)
        for time, count, later, cue in zip(times, counts, counts[1:], cues, strict=False)
    ]


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
    """Where times fall, some stand for two places: keyframes there are no points at which a time can be entered."""
    found: list[Keyframe] = []
    watchdog, unit = Watchdog(), stream.time_base or Fraction(0)
    latest = highest = -1 << 62
    for packet in container.demux(stream):
        if packet.size:
            watchdog.read(packet)
        # In AVI the time of a packet is that of decoding, which for a keyframe is the same but for open groups.
        stamp = packet.dts if packet.pts is None or container.format.name == "avi" else packet.pts
        meter.report(Fraction(0) if stamp is None else max(stamp * unit - origin, Fraction(0)))
        if packet.dts is not None and packet.dts < latest:
            found = _up_to(found, packet.dts * unit - origin)
        if packet.is_keyframe and stamp is not None and (stamp > highest or not found):
            found.append(Keyframe(stamp * unit - origin, 1, packet.pos))
        elif found and packet.size:
            found[-1] = replace(found[-1], frames=found[-1].frames + 1)
        latest = latest if packet.dts is None else packet.dts
        highest = max(highest, highest if stamp is None else stamp)
    return found


def _up_to(found: list[Keyframe], time: Fraction) -> list[Keyframe]:
    """Without the keyframes after a time, whose frames are those of the last one before it."""
    kept = [keyframe for keyframe in found if keyframe.time <= time] or found[:1]
    more = sum(keyframe.frames for keyframe in found[len(kept) :])
    return [*kept[:-1], replace(kept[-1], frames=kept[-1].frames + more)] if kept else []
