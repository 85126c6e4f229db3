"""Reads stretches of a source as decoded pictures and sound, each at its exact time.

    with Reader(file, threads=2) as reader:
        for item in reader.read(Fraction(900), Fraction(2700)):
            match item:
                case Picture(frame, time): …
                case Sound(track, samples): …

Times are seconds from the presentation start (`media.timeline`). Memory does not grow with the length of a stretch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import ArgumentError, EOFError, FFmpegError, InvalidDataError
from av.packet import Packet
from av.stream import Discard
from av.video.stream import VideoStream

from media.effort import Effort, spare
from media.grid import on_frames
from media.packets import packets
from media.probe import first_frame
from media.readahead import announce
from media.side import Side
from media.sound import SoundCutter
from media.source import open_source
from media.timeline import Timeline, timeline
from media.types import DEFAULT_LIMITS, Limits, Samples
from media.undated import Dater, is_undated
from media.watchdog import Watchdog

# Sound decoders need a run-up: two AAC frames, 80 ms of Opus, ten MP3 frames.
_RUN_UP = Fraction(3, 10)
# Files without an index are read from the start: their timestamps after a seek are guesses.
_LINEAR_FORMATS = {"aac", "mp3"}
# A stretch without a frame for longer than this begins with the frame that was on show.
_HOLD = Fraction(1)
# Streams interleave loosely; what is this far behind the end will not come.
_INTERLEAVE = Fraction(10)
# And text is at most this far behind both, in a file that is in order.
_TEXTS_BEHIND = Fraction(1)


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded frame, on show from `time` (seconds)."""

    frame: av.VideoFrame
    time: Fraction


@dataclass(frozen=True, slots=True)
class Sound:
    """The next samples, of shape (channels, count), of the track at this place in `Timeline.audio`."""

    track: int
    samples: Samples


class Reader:
    """A context manager that opens a source and decodes stretches of it, in any order.

    `sound` chooses all tracks, the main one or none, `pictures` the moving picture or none; `effort` what of it is
    decoded (`media.effort`). `on_packet` is called for every packet read, also while nothing comes out yet, and may
    raise. `damaged` counts packets and frames inside the stretches read so far that did not decode; `ended` is the
    time at which the file ended during the last stretch, if it did; `leaped` whether its clock leaped on the way (see
    `media.watchdog`).

    Raises:
        InputError: as `open_source`, also for errors on the way; unsupported_codec, too_long, no_progress,
            times_jump_back.
    """

    container: InputContainer
    timeline: Timeline

    def __init__(
        self,
        file: BinaryIO,
        *,
        limits: Limits = DEFAULT_LIMITS,
        threads: int = 0,
        sound: Literal["all", "main", "none"] = "all",
        pictures: Literal["all", "none"] = "all",
        effort: Effort = "full",
        on_packet: Callable[[], None] | None = None,
    ) -> None:
        self._file, self._limits, self._threads = file, limits, threads
        self._tracks = {"all": None, "main": 1, "none": 0}[sound]
        self._pictures, self._effort = pictures, effort
        self._on_packet = on_packet or (lambda: None)
        self._stack = ExitStack()
        self._backlog: list[Packet[Any]] = []
        self._watchdog = Watchdog()
        self._dater: Dater | None = None
        self._side: Side | None = None
        self.damaged = 0
        self.ended: Fraction | None = None

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)

    def _open(self) -> None:
        self._stack.close()
        self._watchdog.restart()
        self.container = self._stack.enter_context(open_source(self._file, self._limits))
        self.timeline = timeline(self.container)
        self._limits.check_duration(self.timeline.duration)
        self.video = video = self.timeline.video if self._pictures == "all" else None
        self.audio = self.timeline.audio[: self._tracks]
        self._streams: list[VideoStream | AudioStream] = [*([video] if video is not None else []), *self.audio]
        self._fresh = True
        self._texts: list[Any] = [] if self._side is None else self._side.streams(self.container)
        for stream in self.container.streams:
            if all(stream is not used for used in (*self._streams, *self._texts)):
                stream.discard = Discard.all
        if video is not None:
            video.codec_context.thread_count = self._threads
            video.codec_context.thread_type = "AUTO"
            self._depth = video.codec_context.reorder_depth
            self._dater = Dater(video) if is_undated(self._file, self.container, video) else None
            # Of undated pictures every one is counted.
            spare(video, "rough" if self._dater and self._effort == "sparse" else self._effort)

    def attach(self, side: Side) -> None:
        """Give the packets of its streams to `side` from now on."""
        # Its covers were read from the beginning of the file.
        self._side, self._fresh = side, self._fresh and not side.pictures
        self._texts = side.streams(self.container)
        for stream in self._texts:
            stream.discard = Discard.default

    def on_frames(self, ranges: Sequence[tuple[Fraction, Fraction]]) -> list[tuple[Fraction, Fraction]]:
        """See `media.grid`."""
        self._fresh = False
        return on_frames(self._file, self.container, self.timeline, ranges)

    def first_picture(self) -> av.VideoFrame | None:
        """The first frame, for what only decoding tells (colour, rotation, scan); None without moving picture.

        Raises:
            InputError: damaged_file when none of the first packets decodes.
        """
        if self.video is None:
            return None
        self._fresh = False
        return first_frame(self.container, self.video)

    def read(self, start: Fraction, end: Fraction, *, never_empty: bool = False) -> Iterator[Picture | Sound]:
        """Every frame with `start ≤ time < end`, and the sound of `[start, end)`, roughly interleaved.

        Sound is contiguous from `start`; a track that ends before `end` just ends. Where the picture stands still for
        more than a second from `start` on, the frame already on show comes first, at `start`; with `never_empty` also
        where no frame begins in the stretch, however short it is.
        """
        self.ended, reach = None, Fraction(0)
        if self._side is not None and self._side.look_back(self.container, start):
            self._fresh = False
        announce(self._file, self.container, self.timeline, [(start, end)])
        self._seek(start)
        stretch = _Stretch(self, start, end, never_empty=never_empty)
        for packet in self._packets():
            stream: Any = packet.stream
            if not stretch.done:
                yield from stretch.take(stream, self._decode(stream, packet, stretch))
            shown, decoded = packet.pts or 0, packet.pts if packet.dts is None else packet.dts
            passed = None if decoded is None else self.time_of(decoded, stream) - end
            if stretch.done and (not self._texts or (passed is not None and passed > _TEXTS_BEHIND)):
                return
            reach = max(reach, self.time_of(shown + (packet.duration or 0), stream))
            if passed is not None and passed > _INTERLEAVE:
                break
        else:
            self.ended = reach
        for stream in self._streams:
            yield from stretch.take(stream, self._decode(stream, None, stretch))
        if self.ended is not None and self.ended <= start:
            # What a file that was cut off has lost was another picture.
            stretch.never_empty = False
        yield from stretch.hold()

    @property
    def leaped(self) -> bool:
        """See the class."""
        return self._watchdog.leaped

    def time_of(self, stamp: int, stream: VideoStream | AudioStream) -> Fraction:
        """A timestamp of a stream as seconds from the presentation start."""
        return stamp * (stream.time_base or Fraction(0)) - self.timeline.origin

    def _packets(self) -> Iterator[Packet[Any]]:
        backlog, self._backlog = self._backlog, []
        yield from backlog
        yield from self._packets_read()

    def _packets_read(self) -> Iterator[Packet[Any]]:
        for packet in packets(self.container, *self._streams, *self._texts, on_damage=self._damage):
            self._on_packet()
            self._watchdog.read(packet)
            if self._side is not None and packet.stream_index in self._side.indexes:
                self._side.take(packet)
                continue
            # Decoders are drained in `read`.
            if packet.size:
                yield packet

    def _damage(self) -> None:
        self.damaged += 1

    def _decoded(
        self, stream: VideoStream | AudioStream, packet: Packet[Any] | None
    ) -> list[av.VideoFrame] | list[av.AudioFrame]:
        if self._dater is None or not isinstance(stream, VideoStream):
            return stream.decode(packet)
        self._dater.feed(packet)
        frames = stream.decode(packet)
        for frame in frames:
            self._dater.date(frame)
        return frames

    def _decode(
        self, stream: VideoStream | AudioStream, packet: Packet[Any] | None, stretch: _Stretch
    ) -> list[av.VideoFrame] | list[av.AudioFrame]:
        frames: list[av.VideoFrame] | list[av.AudioFrame] = []
        try:
            frames = self._decoded(stream, packet)
        except EOFError:
            return []
        except (InvalidDataError, ArgumentError):
            stamp = None if packet is None else packet.pts
            if stamp is None or stretch.start <= self.time_of(stamp, stream) < stretch.end:
                self.damaged += 1
        if stream is self._streams[0]:
            self._watchdog.decoded(packet, len(frames))
        return frames

    def _seek(self, start: Fraction) -> None:
        """Stand before a keyframe from which everything at `start` decodes."""
        fresh, self._fresh = self._fresh, False
        lead = _RUN_UP if self.audio else Fraction(0)
        back = Fraction(0)
        linear = self.container.format.name in _LINEAR_FORMATS or (self._dater is not None and self._dater.linear)
        while start - lead - back > 0 and not linear:
            if self._enters(start - lead - back, start):
                break
            # Some demuxers land on any packet, go by decoding time, or do not move at all: look further back.
            back = back * 2 + 1
        else:
            if not fresh or back:
                # Seeking to the very start is what some files (edit lists, no index) cannot do.
                self._open()
                self._fresh = False
        if self._dater is not None:
            self._dater.restart()
        if self.video is not None:
            # A flush forgets how far frames are reordered, and would let the first ones out too early.
            self.video.codec_context.reorder_depth = self._depth

    def _enters(self, target: Fraction, start: Fraction) -> bool:
        anchor = self._streams[0]
        stamp = math.floor((target + self.timeline.origin) / (anchor.time_base or Fraction(1)))
        self._backlog.clear()
        self._watchdog.restart()
        if self._dater is not None:
            self._dater.restart()
        try:
            self.container.seek(stamp, stream=anchor)
        except FFmpegError:
            return False
        if self._lands(anchor, start):
            return True
        self._backlog.clear()
        return False

    def _lands(self, anchor: VideoStream | AudioStream, start: Fraction) -> bool:
        """Whether what follows decodes from `start` on; the packets it takes to know are kept for `_packets`."""
        context = anchor.codec_context
        entered = False
        first: av.VideoFrame | av.AudioFrame | None = None
        for packet in self._packets_read():
            self._backlog.append(packet)
            if packet.stream is not anchor:
                continue
            if not entered:
                entry = packet.dts if packet.pts is None else packet.pts
                if not packet.is_keyframe or entry is None:
                    continue
                if self.time_of(entry, anchor) > start:
                    return False
                entered = True
            # A keyframe may be no clean entry (gradual refresh): what counts is the first frame that comes out.
            try:
                frames = self._decoded(anchor, packet)
            except (InvalidDataError, ArgumentError):
                frames = []
            self._watchdog.decoded(packet, len(frames))
            first = self._first_whole(frames)
            if first is not None:
                break
        else:
            first = self._first_whole(self._drained(anchor)) if entered else None
        context.flush_buffers()
        if first is None:
            return False
        stamp = first.dts if first.pts is None else first.pts
        return stamp is None or self.time_of(stamp, anchor) <= start

    def _first_whole(self, frames: Sequence[av.VideoFrame | av.AudioFrame]) -> av.VideoFrame | av.AudioFrame | None:
        # Only to count them, decoders of undated pictures give out also those that build on missing ones.
        return next((frame for frame in frames if self._dater is None or not frame.is_corrupt), None)

    def _drained(self, stream: VideoStream | AudioStream) -> list[av.VideoFrame] | list[av.AudioFrame]:
        try:
            return self._decoded(stream, None)
        except (EOFError, InvalidDataError, ArgumentError):
            return []


class _Stretch:
    """What of one `[start, end)` has come out so far."""

    def __init__(self, reader: Reader, start: Fraction, end: Fraction, *, never_empty: bool) -> None:
        self.start, self.end = start, end
        self.never_empty = never_empty
        self._reader = reader
        self._video_done = reader.video is None
        self._cutters = {
            stream.index: (track, SoundCutter(stream, start, end)) for track, stream in enumerate(reader.audio)
        }
        self._shown = False
        self._held: av.VideoFrame | None = None
        self._next = start

    @property
    def done(self) -> bool:
        return self._video_done and all(cutter.done for _, cutter in self._cutters.values())

    def take(
        self, stream: VideoStream | AudioStream, frames: list[av.VideoFrame] | list[av.AudioFrame]
    ) -> Iterator[Picture | Sound]:
        for frame in frames:
            stamp = frame.dts if frame.pts is None else frame.pts
            if isinstance(frame, av.VideoFrame):
                time = self._next if stamp is None else self._reader.time_of(stamp, stream)
                self._next = time + 1 / self._reader.timeline.rate
                yield from self._picture(frame, time)
            elif stamp is not None:
                frame.time_base = stream.time_base
                track, cutter = self._cutters[stream.index]
                for samples in cutter.feed(frame, self._reader.time_of(stamp, stream)):
                    yield Sound(track, samples)

    def hold(self, until: Fraction | None = None) -> Iterator[Picture]:
        """The frame on show before `start`, if none follows for long, or none `until` the end."""
        long = (self.end if until is None else until) - self.start > _HOLD or (self.never_empty and until is None)
        if not self._shown and self._held is not None and long:
            yield Picture(self._held, self.start)
        self._shown, self._held = True, None

    def _picture(self, frame: av.VideoFrame, time: Fraction) -> Iterator[Picture]:
        if time < self.start:
            self._held = frame
        elif time >= self.end or self._video_done:
            if not self._video_done:
                yield from self.hold()
            self._video_done = True
        else:
            yield from self.hold(time)
            self._reader.damaged += frame.is_corrupt
            yield Picture(frame, time)
