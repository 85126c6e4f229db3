"""Single pictures of a source, for as little decoding as there can be: what sprite sheets, posters and teasers need.

    with Glimpses(file) as glimpses:
        for number in range(100):
            shown = glimpses.near(number * interval, interval / 2)

Where a keyframe lies within reach of a time, it alone is read and decoded. Where none does, since groups of pictures
are longer than that, the picture itself is: forward from the keyframe before it, or on from the one asked for before.
So all of them together never cost more than one pass over the source. Pictures that no other builds on are left out
on the way.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from itertools import chain
from types import TracebackType
from typing import Any, BinaryIO, Self

import av
from av.container import InputContainer
from av.error import ArgumentError, EOFError, FFmpegError, InvalidDataError
from av.index import IndexEntry
from av.packet import Packet
from av.stream import Discard
from av.video.stream import VideoStream

from media.decode import Picture
from media.errors import InputError
from media.expecting import Expecting
from media.packets import packets
from media.source import open_source
from media.timeline import Timeline, timeline
from media.types import DEFAULT_LIMITS, Limits
from media.undated import Dater, is_undated
from media.watchdog import Watchdog

_WHOLE = Fraction(1)
"""Seconds before a wanted picture from which on none is left out: it may be on show for so long."""
_MISSES = 3
"""A file in which so many seeks did not help is read in order."""
_BEFORE_ALL = -(1 << 62)


class Glimpses:
    """A context manager that opens a source with moving picture and gives pictures of it, at times that rise.

    Times are seconds from the presentation start. `on_packet` is called for every packet read and may raise.

    Raises:
        InputError: as `open_source`, also on the way; no_video, unsupported_codec, too_long, no_progress,
            times_jump_back.
    """

    container: InputContainer
    timeline: Timeline
    video: VideoStream

    def __init__(
        self,
        file: BinaryIO,
        *,
        limits: Limits = DEFAULT_LIMITS,
        threads: int = 1,
        on_packet: Callable[[], None] | None = None,
    ) -> None:
        self._file, self._limits, self._threads = file, limits, threads
        self._on_packet = on_packet or (lambda: None)
        self._stack = ExitStack()
        self._watchdog = Watchdog()
        self._misses = 0

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)

    def near(self, time: Fraction, reach: Fraction | None) -> Picture | None:
        """The keyframe nearest to `time`, if it is at most `reach` seconds off (None: however far it is), or the
        picture on show then; None where nothing decodes. Times must not fall from one call to the next."""
        if not self._forward or self._leaps(time, reach):
            self._enter(time, reach)
        return self._walk(time, reach)

    def _open(self) -> None:
        self._stack.close()
        self.container = self._stack.enter_context(open_source(self._file, self._limits))
        self.timeline = timeline(self.container)
        self._limits.check_duration(self.timeline.duration)
        if self.timeline.video is None:
            raise InputError("no_video", "The file has no moving picture.")
        self.video = self.timeline.video
        for stream in self.container.streams:
            if stream is not self.video:
                stream.discard = Discard.all
        self.video.codec_context.thread_count = self._threads
        self.video.codec_context.thread_type = "AUTO"
        self._depth = self.video.codec_context.reorder_depth
        self._unit = self.video.time_base or Fraction(1, 90_000)
        self._dater = Dater(self.video) if is_undated(self._file, self.container, self.video) else None
        self._start_from(self._packets())
        self._fresh = True

    @property
    def _seekable(self) -> bool:
        return self._misses < _MISSES and not (self._dater is not None and self._dater.linear)

    def _start_from(self, packets: Iterator[Packet[Any]]) -> None:
        self._coming = packets
        self._forward = self._over = False
        self._read_to = _BEFORE_ALL
        self._held: Picture | None = None
        self._ahead: deque[Picture] = deque()
        self._watchdog.restart()

    # Finding a place

    def _enter(self, time: Fraction, reach: Fraction | None) -> None:
        """Stand before a keyframe within reach, or before one from which `time` decodes."""
        if not self._seekable:
            return
        nearest = self._nearest(time, reach)
        if nearest is not None and isinstance(self._file, Expecting):
            self._file.expect([(nearest.pos, nearest.pos + nearest.size)])
        target = time
        if nearest is not None and nearest.timestamp > self._stamp_of(time):
            # An index is in decoding time, but some demuxers seek by that of presentation, which is later.
            later = (self._depth + 1) / self.timeline.rate
            target = nearest.timestamp * self._unit - self.timeline.origin + later
        back = Fraction(0)
        while target - back > 0:
            if self._lands(target - back, time, reach):
                return
            # Some demuxers land on any packet, or go by decoding time: look further back.
            back = back * 2 + 1
        self._misses += back > 0
        # Seeking to the very start is what some files cannot do.
        if not self._fresh:
            self._open()

    def _leaps(self, time: Fraction, reach: Fraction | None) -> bool:
        """Whether by the index there is a keyframe ahead that is nearer than what was decoded last."""
        if self._over or not self._seekable:
            return False
        entry = self._nearest(time, reach) or self._before(time)
        return entry is not None and entry.timestamp > self._read_to

    def _nearest(self, time: Fraction, reach: Fraction | None) -> IndexEntry | None:
        """The keyframe nearest to `time` by the index, if there is one within reach."""
        entries, stamp = self.video.index_entries, self._stamp_of(time)
        places = [entries.search_timestamp(stamp, backward=backward) for backward in (True, False)]
        found = [entries[place] for place in places if place >= 0]
        # Some indexes only know what was read so far: beyond the last keyframe in one may be others.
        nearest = min(found, key=lambda entry: abs(entry.timestamp - stamp)) if len(found) == len(places) else None
        if nearest is None or (reach is not None and abs(nearest.timestamp - stamp) * self._unit > reach):
            return None
        return nearest

    def _before(self, time: Fraction) -> IndexEntry | None:
        entries = self.video.index_entries
        place = entries.search_timestamp(self._stamp_of(time), backward=True)
        return entries[place] if place >= 0 else None

    def _stamp_of(self, time: Fraction) -> int:
        return math.floor((time + self.timeline.origin) / self._unit)

    def _lands(self, target: Fraction, time: Fraction, reach: Fraction | None) -> bool:
        self._fresh = False
        try:
            self.container.seek(self._stamp_of(target), stream=self.video)
        except FFmpegError:
            return False
        self._watchdog.restart()
        packets = self._packets()
        first = next((packet for packet in packets if packet.is_keyframe and _stamp(packet) is not None), None)
        if first is None or (reach is not None and self._time(first) > time + reach):
            return False
        self._start_from(chain([first], packets))
        return True

    # Decoding

    def _walk(self, time: Fraction, reach: Fraction | None) -> Picture | None:
        """Read on until the picture is known."""
        while not self._over and (not self._ahead or self._ahead[-1].time <= time):
            self._take_up_to(time)
            packet = next(self._coming, None)
            if packet is None:
                self._over = True
                self._ahead.extend(self._decoded(None))
                continue
            if self._seekable and self._is_near(packet, time, reach):
                alone = self._alone(packet)
                if alone is not None:
                    self._forward = False
                    return alone
            self._forward, self._read_to = True, max(self._read_to, packet.dts or 0)
            self._leave_out(packet, time)
            self._ahead.extend(self._decoded(packet))
        self._take_up_to(time)
        return self._held or (self._ahead[0] if self._ahead else None)

    def _take_up_to(self, time: Fraction) -> None:
        while self._ahead and self._ahead[0].time <= time:
            self._held = self._ahead.popleft()

    def _is_near(self, packet: Packet[Any], time: Fraction, reach: Fraction | None) -> bool:
        if not packet.is_keyframe or _stamp(packet) is None:
            return False
        return reach is None or abs(self._time(packet) - time) <= reach

    def _alone(self, packet: Packet[Any]) -> Picture | None:
        """A keyframe by itself; None for one that is no clean entry (gradual refresh), or broken."""
        context = self.video.codec_context
        context.skip_frame = "DEFAULT"
        self._flush()
        try:
            frames = [*self.video.decode(packet), *self.video.decode(None)]
        except (InvalidDataError, ArgumentError, EOFError):
            frames = []
        self._watchdog.decoded(packet, len(frames))
        self._flush()
        return Picture(frames[0], self._time(packet)) if frames else None

    def _decoded(self, packet: Packet[Any] | None) -> list[Picture]:
        if self._dater is not None:
            self._dater.feed(packet)
        try:
            frames = self.video.decode(packet)
        except (InvalidDataError, ArgumentError, EOFError):
            frames = []
        self._watchdog.decoded(packet, len(frames))
        return [self._dated(frame) for frame in frames]

    def _dated(self, frame: av.VideoFrame) -> Picture:
        if self._dater is not None:
            self._dater.date(frame)
        stamp = frame.dts if frame.pts is None else frame.pts
        if stamp is not None:
            return Picture(frame, stamp * self._unit - self.timeline.origin)
        last = self._ahead[-1] if self._ahead else self._held
        return Picture(frame, Fraction(0) if last is None else last.time + 1 / self.timeline.rate)

    def _leave_out(self, packet: Packet[Any], time: Fraction) -> None:
        # Undated pictures are counted, so each has to come out.
        early = packet.pts is not None and packet.pts * self._unit - self.timeline.origin < time - _WHOLE
        self.video.codec_context.skip_frame = "NONREF" if early and self._dater is None else "DEFAULT"

    def _flush(self) -> None:
        self.video.codec_context.flush_buffers()
        # A flush forgets how far frames are reordered, and would let the first ones out too early.
        self.video.codec_context.reorder_depth = self._depth
        if self._dater is not None:
            self._dater.restart()
        self._held = None
        self._ahead.clear()

    # Reading

    def _packets(self) -> Iterator[Packet[Any]]:
        for packet in packets(self.container, self.video):
            self._fresh = False
            self._on_packet()
            self._watchdog.read(packet)
            # The decoder is drained in `_walk`.
            if packet.size:
                yield packet

    def _time(self, packet: Packet[Any]) -> Fraction:
        return (_stamp(packet) or 0) * self._unit - self.timeline.origin


def _stamp(packet: Packet[Any]) -> int | None:
    return packet.dts if packet.pts is None else packet.pts
