"""A body that is read once, packet by packet: its pictures for who asks, its sound into the mix, its texts aside."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import av
from av.audio.stream import AudioStream
from av.error import ArgumentError, EOFError, InvalidDataError
from av.packet import Packet
from av.stream import Discard
from av.video.stream import VideoStream

from media.brand.mixing import Mixer
from media.side import Side
from media.smartcut.entry import packets_from
from media.smartcut.errors import NotCuttable
from media.smartcut.sync import Opened
from media.sound import SoundCutter

_MAX_WAITING = 512
"""Packets after which a first picture will not come."""


class BodyPackets:
    """All packets of an opened body, from its beginning.

    `sounds` are those who take the packets of sound tracks, by stream; `reach` is the time at which what has been read
    ends, in seconds of the body.
    """

    def __init__(self, source: Opened, video: VideoStream, side: Side) -> None:
        container, line = source.container, source.line
        self._video, self._side, self._origin = video, side, line.origin
        streams: list[Any] = [video, *line.audio, *side.streams(container)]
        for stream in container.streams:
            stream.discard = Discard.default if stream in streams else Discard.all
        beginning = math.floor(line.origin / (video.time_base or Fraction(1, 90_000)))
        self._packets = packets_from(container, streams, beginning, Fraction(0), line.origin)
        self._early: deque[Packet[Any]] = deque()
        self.sounds: Mapping[int, BodySound] = {}
        self.reach = Fraction(0)

    def first_picture(self) -> av.VideoFrame:
        """Decode the first picture; all packets are still to come.

        Raises:
            NotCuttable: damaged_pictures.
        """
        for packet in self._packets:
            self._early.append(packet)
            if packet.stream_index == self._video.index and (frames := self._decode(packet)):
                return frames[0]
            if len(self._early) > _MAX_WAITING:
                break
        else:
            if frames := self._decode(None):
                return frames[0]
        raise NotCuttable("damaged_pictures", "The first picture of the video cannot be decoded.")

    def pictures(self) -> Iterator[Packet[Any]]:
        """The packets of the picture; those that lie between are handed on.

        Raises:
            NotCuttable: no_timestamps, edited_timeline.
        """
        for packet in self._all():
            index = packet.stream_index
            if packet.pts is not None:
                end = (packet.pts + (packet.duration or 0)) * packet.time_base - self._origin
                self.reach = max(self.reach, end)
            if index == self._video.index:
                self._check(packet)
                yield packet
            elif index in self.sounds:
                self.sounds[index].take(packet)
            elif index in self._side.indexes:
                self._side.take(packet)

    def _decode(self, packet: Packet[Any] | None) -> list[av.VideoFrame]:
        try:
            return self._video.decode(packet)
        except (InvalidDataError, ArgumentError, EOFError):
            return []

    def _all(self) -> Iterator[Packet[Any]]:
        while self._early:
            yield self._early.popleft()
        yield from self._packets

    def _check(self, packet: Packet[Any]) -> None:
        if packet.pts is None:
            raise NotCuttable("no_timestamps", "The video does not say when its pictures are shown.")
        if packet.is_discard or packet.pts * packet.time_base < self._origin:
            raise NotCuttable("edited_timeline", "The edit list of the video hides pictures.")


class BodySound:
    """One track: packets wait, encoded, until the pictures have come as far; what does not decode becomes silence.

    `origin` is where the body's time begins in the container's own, `end` where the body ends, in seconds of its time.
    """

    def __init__(self, stream: AudioStream, mixer: Mixer, *, origin: Fraction, end: Fraction) -> None:
        self._stream, self._mixer, self._origin = stream, mixer, origin
        self._unit = stream.time_base or Fraction(1, stream.rate)
        self._cutter = SoundCutter(stream, Fraction(0), end)
        self._queue: deque[Packet[Any]] = deque()

    def take(self, packet: Packet[Any]) -> None:
        """The next packet of the track."""
        self._queue.append(packet)

    def advance(self, until: Fraction | None) -> None:
        """Mix what begins before second `until` of the body, None for all that has come."""
        while self._queue and (until is None or self._time(self._queue[0]) < until):
            self._decode(self._queue.popleft())

    def finish(self) -> None:
        """No more packets will come."""
        self.advance(None)
        self._decode(None)

    def _time(self, packet: Packet[Any]) -> Fraction:
        return Fraction(0) if packet.pts is None else packet.pts * self._unit - self._origin

    def _decode(self, packet: Packet[Any] | None) -> None:
        if self._cutter.done:
            return
        try:
            frames = self._stream.decode(packet)
        except (InvalidDataError, ArgumentError, EOFError):
            return
        for frame in frames:
            if frame.pts is None:
                continue
            frame.time_base = self._unit
            for samples in self._cutter.feed(frame, frame.pts * self._unit - self._origin):
                self._mixer.take(samples)
