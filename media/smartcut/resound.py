"""Sound of a cut that cannot be copied: decoded, cut to the sample, and encoded as AAC."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from av.audio.stream import AudioStream
from av.error import ArgumentError, EOFError, InvalidDataError
from av.packet import Packet

from media.encode import AudioTrack
from media.smartcut.audio import RUN_UP, Room, Waiting
from media.sound import SoundCutter
from media.types import Samples


class EncodedSound:
    """A `Track` whose sound is exact to the sample in every range."""

    def __init__(
        self, stream: AudioStream, output: AudioTrack, origin: Fraction, room: Room, on_work: Callable[[], None]
    ) -> None:
        self.stream, self._output, self._origin, self._on_work = stream, output, origin, on_work
        self._queue: deque[Packet[Any]] = deque()
        self._waiting = Waiting(room)
        self._cutter: SoundCutter | None = None
        self._spare: list[Samples] = []
        self._end = self._enough = Fraction(0)
        self._sure = 0
        self.full = False

    @property
    def empty(self) -> bool:
        """See `Track.empty`."""
        return self._output.samples == 0

    def open(self, start: Fraction, end: Fraction, slack: Fraction) -> None:
        """See `Track.open`."""
        self._end, self._cutter, self.full = end, None, False
        self._enough = end + slack + RUN_UP
        self._queue.clear()
        self._waiting.open(start + self._origin)
        self.stream.codec_context.flush_buffers()

    def feed(self, packet: Packet[Any]) -> None:
        """See `Track.feed`."""
        if self.full:
            return
        unit = self.stream.time_base or Fraction(0)
        self.full = packet.pts is not None and packet.pts * unit - self._origin > self._enough
        if self._cutter is None:
            if self._waiting.takes(packet):
                self._queue.append(packet)
        else:
            self._decode(packet)

    def begin(self, first: Fraction, at: Fraction) -> None:
        """See `Track.begin`."""
        self._cutter = SoundCutter(self.stream, first, self._enough)
        self._sure = round((at + self._end - first) * self._output.rate)
        while self._queue:
            self._decode(self._queue.popleft())
            self._on_work()

    def close(self, at: Fraction) -> None:
        """See `Track.close`: what is missing of the range is silence."""
        if not self.full:
            self._decode(None)
        self._sure = round(at * self._output.rate)
        spare, self._spare = self._spare, []
        for samples in spare:
            self._write(samples)
        self._spare = []
        self._output.write_silence(max(self._sure - self._output.samples, 0))

    def finish(self) -> None:
        """See `Track.finish`."""
        self._output.finish()

    def _decode(self, packet: Packet[Any] | None) -> None:
        unit = self.stream.time_base or Fraction(0)
        try:
            frames = self.stream.decode(packet)
        except (InvalidDataError, ArgumentError, EOFError):
            # The gap becomes silence.
            return
        for frame in frames:
            if frame.pts is None or self._cutter is None:
                continue
            frame.time_base = unit
            for samples in self._cutter.feed(frame, frame.pts * unit - self._origin):
                self._write(samples)

    def _write(self, samples: Samples) -> None:
        room = max(self._sure - self._output.samples, 0)
        self._output.write(np.ascontiguousarray(samples[:, :room]))
        if samples.shape[1] > room:
            self._spare.append(samples[:, room:])
