"""Stands before the last keyframe from which a time can be decoded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from typing import Any

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from media.smartcut.codec import Codec, Kind
from media.smartcut.errors import NotCuttable
from media.watchdog import Watchdog

# Seconds before a cut that are searched for an entry, and packets after it.
_LOOK_BACK = 64
_ENOUGH_LATER = 1_000
MAX_REORDER = 16
"""H.264 and HEVC reorder by so many pictures at most: what has not come by then will not come."""

_BEFORE_ALL = -(1 << 40)
_CLOCKED = {"mpegts"}
"""Containers in which what is heard first may lie behind what is shown first: seeking one leaves out the other."""

Streams = Sequence[VideoStream | AudioStream]


def packets_from(
    container: InputContainer,
    streams: Streams,
    start: int,
    lead: Fraction,
    origin: Fraction,
    *,
    watchdog: Watchdog | None = None,
) -> Iterator[Packet[Any]]:
    """Packets of `streams`, the first of which is the picture, from a keyframe `lead` seconds or more before its tick
    `start` on, or from the beginning of the file; `watchdog` sees them go by."""
    video, watchdog = streams[0], watchdog or Watchdog()
    unit = video.time_base or Fraction(1)
    beginning = math.floor(origin / unit)
    # Before its first picture a file may have sound, which nobody finds who looks for pictures.
    first = max(beginning, beginning if video.start_time is None else video.start_time)
    back = lead
    while (target := start - math.ceil(back / unit)) > first:
        found = _enter(container, streams, target, start, watchdog)
        if found is not None:
            return found
        # Some demuxers land on any packet, or go by decoding time: look further back.
        back = back * 2 + 1
    _rewind(container, streams, origin - 1)
    return _packets(container, streams, watchdog)


def first_packet(container: InputContainer, stream: VideoStream) -> Packet[Any] | None:
    """The first packet of a stream, in decoding order."""
    _rewind(container, [stream], _BEFORE_ALL * (stream.time_base or Fraction(1)))
    return next(_packets(container, [stream], Watchdog()), None)


def entry_before(
    container: InputContainer,
    video: VideoStream,
    codec: Codec,
    tick: int,
    origin: Fraction,
    *,
    on_work: Callable[[], None] = lambda: None,
) -> int:
    """The last picture shown at or before a tick at which copying can begin; the first one after it where the file has
    none before.

    Raises:
        NotCuttable: no_entry_point, when there is none within a minute; no_timestamps.
    """
    unit, back, later = video.time_base or Fraction(1), Fraction(0), None
    while back < _LOOK_BACK and later is None:
        begun = (tick - math.ceil(back / unit)) * unit <= origin
        packets = packets_from(container, [video], tick, back, origin)
        found, later = _entries(_telling(packets, on_work), codec, tick, _ENOUGH_LATER if begun else MAX_REORDER)
        if found is not None:
            return found
        # Keyframes of open groups are no entries.
        back = back * 2 + 2
        later = later if begun else None
    if later is None:
        raise NotCuttable("no_entry_point", "The source has no keyframe near a cut at which copying can begin.")
    return later


def _telling(packets: Iterator[Packet[Any]], on_work: Callable[[], None]) -> Iterator[Packet[Any]]:
    for packet in packets:
        on_work()
        yield packet


def _entries(packets: Iterator[Packet[Any]], codec: Codec, tick: int, most: int) -> tuple[int | None, int | None]:
    """The last entry shown at or before a tick, and the first one after it among `most` pictures."""
    before: int | None = None
    passed = 0
    for packet in packets:
        if packet.pts is None:
            raise NotCuttable("no_timestamps", "The source does not say when its pictures are shown.")
        passed += packet.pts > tick
        if passed > (most if before is None else 0):
            break
        if codec.picture(bytes(packet)).kind is Kind.ENTRY:
            if packet.pts > tick:
                return before, packet.pts
            before = packet.pts
    return before, None


def _enter(
    container: InputContainer, streams: Streams, target: int, start: int, watchdog: Watchdog
) -> Iterator[Packet[Any]] | None:
    try:
        container.seek(target, stream=streams[0])
    except FFmpegError:
        return None
    packets = _packets(container, streams, watchdog)
    head = []
    for packet in packets:
        head.append(packet)
        if packet.stream is streams[0] and packet.pts is not None:
            if packet.pts > start:
                return None
            if packet.is_keyframe:
                return chain(head, packets)
    return None


def _rewind(container: InputContainer, streams: Streams, before: Fraction) -> None:
    """Go to the beginning: of the bytes of a clocked file, else to what is shown or heard first, after `before`."""
    if container.format.name in _CLOCKED:
        container.seek(0, unsupported_byte_offset=True)
        return
    earliest = min(streams, key=_start)
    try:
        container.seek(math.floor(before / (earliest.time_base or 1)), stream=earliest)
    except FFmpegError:
        container.seek(0, unsupported_byte_offset=True)


def _start(stream: VideoStream | AudioStream) -> Fraction:
    return Fraction(0) if stream.start_time is None else stream.start_time * (stream.time_base or Fraction(1))


def _packets(container: InputContainer, streams: Streams, watchdog: Watchdog) -> Iterator[Packet[Any]]:
    watchdog.restart()
    for packet in container.demux(*streams):
        # PyAV ends with empty packets that drain decoders; only their size tells them apart.
        if packet.size:
            watchdog.read(packet)
            yield packet
